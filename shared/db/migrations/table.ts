import type { Dialect } from '#shared/db/database.ts'

/** A step of the schema: the statements that make it, for each kind of server. Once released it never changes. */
export interface Migration {
  /** Number and name, as in `0001-accounts`; the order of the names is the order of the steps. */
  readonly name: string
  readonly statements: (dialect: Dialect) => readonly string[]
}

export interface Table {
  readonly name: string
  /** Column → type in `TYPES`, with `?` after it where null is allowed. The first is the primary key. */
  readonly columns: Readonly<Record<string, ColumnType | `${ColumnType}?`>>
  readonly unique?: Readonly<Record<string, readonly string[]>>
  readonly indexes?: Readonly<Record<string, readonly string[]>>
}

type ColumnType = keyof typeof TYPES

const ASCII = 'character set ascii collate ascii_bin'

/** Type → what it is in PostgreSQL and in MySQL. Text compares byte for byte in both: openids differ by case alone. */
const TYPES = {
  uuid: ['uuid', `char(36) ${ASCII}`],
  hash: ['varchar(64)', `varchar(64) ${ASCII}`],
  name: ['varchar(64)', 'varchar(64)'],
  openid: ['varchar(128)', `varchar(128) ${ASCII}`],
  line: ['varchar(255)', 'varchar(255)'],
  text: ['text', 'mediumtext'],
  integer: ['integer', 'integer'],
  bigint: ['bigint', 'bigint'],
  time: ['timestamptz(3)', 'datetime(3)'],
} as const

const MYSQL_TABLE = 'engine = InnoDB default character set utf8mb4 collate utf8mb4_bin'

/**
 * The statements that make a table with its indexes. In MySQL, where a migration cannot be undone as a whole, that
 * is one statement, and one that may be repeated.
 */
export function createTable(
  dialect: Dialect,
  { name, columns, unique = {}, indexes = {} }: Table,
): readonly string[] {
  const lines = Object.entries(columns).map(([column, type], position) => {
    // What stands before the question mark is a ColumnType by the type of `columns`.
    const [postgres, mysql] = TYPES[type.replace('?', '') as ColumnType]
    const key = position === 0 ? ' primary key' : ''
    return `${column} ${dialect === 'postgres' ? postgres : mysql} ${type.endsWith('?') ? 'null' : 'not null'}${key}`
  })
  const keys = [
    ...Object.entries(unique).map(([index, on]) => ({ kind: 'unique index', index, on: on.join(', ') })),
    ...Object.entries(indexes).map(([index, on]) => ({ kind: 'index', index, on: on.join(', ') })),
  ]
  if (dialect === 'mysql') {
    const inline = keys.map(({ kind, index, on }) => `${kind} ${index} (${on})`)
    return [`create table if not exists ${name} (${[...lines, ...inline].join(', ')}) ${MYSQL_TABLE}`]
  }
  return [
    `create table ${name} (${lines.join(', ')})`,
    ...keys.map(({ kind, index, on }) => `create ${kind} ${index} on ${name} (${on})`),
  ]
}

export interface NewColumn {
  readonly table: string
  readonly column: string
  readonly type: ColumnType
}

/**
 * The statements that add a column, which may be null. MySQL has no `if not exists` for columns, and a run that died
 * before it was noted is repeated: the schema itself is asked.
 */
export function addColumn(dialect: Dialect, { table, column, type }: NewColumn): readonly string[] {
  const [postgres, mysql] = TYPES[type]
  if (dialect === 'postgres') return [`alter table ${table} add column ${column} ${postgres} null`]
  const here = `table_schema = database() and table_name = '${table}' and column_name = '${column}'`
  return [
    `set @is_there = (select count(*) from information_schema.columns where ${here})`,
    `set @step = if(@is_there, 'do 0', 'alter table ${table} add column ${column} ${mysql} null')`,
    'prepare step from @step',
    'execute step',
    'deallocate prepare step',
  ]
}
