/** Why an API refuses a call, in no cloud's words: each cloud has a table with its own. */
export type RefusalReason =
  | 'no_signature'
  | 'unknown_key'
  | 'wrong_signature'
  | 'skewed_time'
  | 'wrong_body_hash'
  | 'unknown_call'
  | 'invalid'
  | 'throttled'
  | 'internal'
  | 'busy_function'
  | 'function_missing'
  | 'function_exists'
  | 'version_missing'
  | 'version_used'
  | 'alias_missing'
  | 'alias_exists'
  | 'trigger_missing'
  | 'trigger_exists'
  | 'domain_missing'
  | 'domain_exists'

/** A call that the API does not carry out. */
export class ApiRefusal extends Error {
  override readonly name = 'ApiRefusal'
  readonly reason: RefusalReason

  constructor(reason: RefusalReason, message: string) {
    super(message)
    this.reason = reason
  }
}
