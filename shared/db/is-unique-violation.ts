// What this violation is called: SQLSTATE in PostgreSQL, ER_DUP_ENTRY in MySQL.
const UNIQUE_VIOLATION = '23505'
const DUPLICATE_ENTRY = 1062

/** Whether a statement failed because a row with the same unique key exists. */
export function isUniqueViolation(error: unknown): boolean {
  if (!(error instanceof Error)) return false
  return (
    ('code' in error && error.code === UNIQUE_VIOLATION) ||
    ('errno' in error && error.errno === DUPLICATE_ENTRY)
  )
}
