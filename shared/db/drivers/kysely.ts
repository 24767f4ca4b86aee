// Reached only through import(): a query builder is 100 KB that a request may not need.
export { Kysely, MysqlAdapter, MysqlQueryCompiler, PostgresAdapter, PostgresQueryCompiler } from 'kysely'
