import type { Database, Dialect } from '#shared/db/database.ts'
import type { SessionRow, SessionsTable, SessionWithUser } from './sessions.ts'
import type { UserRow, UsersTable } from './users.ts'

export interface SessionAndUser {
  readonly row: SessionWithUser
  readonly user: UserRow
}

/** Every column, by the rows' own types, in the order in which the statement names them. */
const SESSION_COLUMNS = columns<SessionsTable>({
  id: true,
  user_id: true,
  counter: true,
  key_encrypted: true,
  wechat_key_encrypted: true,
  epoch: true,
  device_id: true,
  device_model: true,
  device_platform: true,
  last_ip: true,
  created_at: true,
  rotated_at: true,
  idle_expires_at: true,
  expires_at: true,
  revoked_at: true,
  revoked_reason: true,
})
const USER_COLUMNS = columns<UsersTable>({
  id: true,
  app_id: true,
  openid: true,
  unionid: true,
  status: true,
  epoch: true,
  nickname: true,
  avatar_file_id: true,
  gender: true,
  locale: true,
  roles: true,
  phone_encrypted: true,
  phone_index: true,
  phone_masked: true,
  created_at: true,
  updated_at: true,
  deleted_at: true,
})

const ALL = [...named('s', SESSION_COLUMNS), ...named('u', USER_COLUMNS)].join(', ')
const FIND = `select ${ALL} from sessions s join users u on u.id = s.user_id where s.id = `
const TEXTS: Readonly<Record<Dialect, string>> = { postgres: `${FIND}$1`, mysql: `${FIND}?` }

/** A session and the whole row of its user by one statement, without the query builder: most calls begin with it. */
export async function findSessionAndUser(
  { dialect, query }: Pick<Database, 'dialect' | 'query'>,
  id: string,
  signal: AbortSignal,
): Promise<SessionAndUser | undefined> {
  const [found] = await query(TEXTS[dialect], [id], signal)
  if (found === undefined) return undefined
  // The statement names every column of both, and the migrations give each the type that the tables' types say.
  const session = pick(found, 's', SESSION_COLUMNS) as unknown as SessionRow
  const user = pick(found, 'u', USER_COLUMNS) as unknown as UserRow
  return { row: { ...session, user_status: user.status, user_epoch: user.epoch }, user }
}

/** The names of a table's columns; the compiler sees to it that none is forgotten. */
function columns<Table>(all: Readonly<Record<keyof Table & string, true>>): readonly string[] {
  return Object.keys(all)
}

function named(table: string, names: readonly string[]): readonly string[] {
  return names.map((name) => `${table}.${name} as ${table}_${name}`)
}

function pick(found: Readonly<Record<string, unknown>>, table: string, names: readonly string[]) {
  return Object.fromEntries(names.map((name) => [name, found[`${table}_${name}`]]))
}
