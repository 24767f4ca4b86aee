/** Where an instance runs. `local` is anything that is not one of the two clouds, such as Knative or a bare process. */
export type Platform = 'fc' | 'scf' | 'local'

/** One call of a function, as the runtime hands it over. */
export interface Invocation {
  /** The platform's request id where there is one. */
  readonly requestId: string
  /** The caller's address as the platform vouches for it; the socket's peer otherwise. */
  readonly clientIp: string
  /** Epoch milliseconds after which an answer is worth nothing. */
  readonly deadline: number
  /** Ends when the deadline passes or the instance stops. */
  readonly signal: AbortSignal
  readonly platform: Platform
  /** Background work that the runtime awaits before the instance may freeze. */
  waitUntil(promise: Promise<unknown>): void
}

/** An event in CloudEvents 1.0, whatever shape the platform delivered. */
export interface CloudEvent {
  readonly specversion: '1.0'
  readonly id: string
  readonly source: string
  readonly type: string
  readonly time?: string
  /** What it is about, as an object's key. */
  readonly subject?: string
  readonly data?: unknown
}

/** What a function exports. `fetch` never rejects. */
export interface App {
  /** The function's name, as in the folder `functions/<name>`. */
  readonly name: string
  fetch(request: Request, invocation: Invocation): Promise<Response>
  event?(event: CloudEvent, invocation: Invocation): Promise<void>
  /** Opens connections ahead of the first request (FC's initializer). A failure must not prevent serving. */
  warm?(signal: AbortSignal): Promise<void>
  /** Closes connections before the instance ends (FC's pre-stop, SIGTERM). Correctness never depends on it. */
  close?(): Promise<void>
}
