/** What a rule may ask about one call of a route. */
export interface Occasion {
  /** As in the route table: `POST /login`, `PUT /users/{id}`. */
  readonly route: string
  readonly ip: string
  /** Header `X-Device-Id`; empty when absent. */
  readonly device: string
  /** Absent: nobody is signed in, or not yet. */
  readonly user?: OccasionUser | undefined
  /** WeChat's risk rank, 0–4; asked only when a rule needs it. */
  readonly riskRank?: ((signal: AbortSignal) => Promise<number>) | undefined
  /**
   * A login is looked at twice: `before` the identity is known, when rules about `user` or `wechat` are left for
   * later, and once it is `identified`, when only those rules are new. Absent: there is one look, and a missing user
   * is somebody who is not signed in.
   */
  readonly phase?: 'before' | 'identified' | undefined
  readonly waitUntil: (promise: Promise<unknown>) => void
}

export interface OccasionUser {
  /** UUIDv7. */
  readonly id: string
  /** Asked only when a rule needs it. */
  status(signal: AbortSignal): Promise<string>
}

export type Decision =
  | { readonly action: 'allow'; readonly rule?: string }
  | {
      readonly action: 'deny' | 'challenge'
      readonly rule: string
      readonly reason: string
    }
  | { readonly action: 'throttle'; readonly rule: string; readonly policy: string; readonly reason: string }
