export interface FunctionSpec {
  readonly name: string
  /** Paths under /api/v1 that are this function's, with everything below them; none where it takes events only. */
  readonly paths: readonly string[]
  /** Seconds a call may take. */
  readonly timeoutS: number
  /** Calls that one instance takes at a time. */
  readonly concurrency: number
  readonly memoryMb: number
  /** Kilobytes (1,000 bytes) the minified bundle may have. */
  readonly budgetKb: number
  /** Sends it an event again and again, besides or in place of requests. */
  readonly timer?: { readonly name: string; readonly everyS: number }
}

export const BASE_PATH = '/api/v1'

/** Every function there is: what the build checks, the local cloud runs and the deploy manifests say. */
export const FUNCTIONS: readonly FunctionSpec[] = [
  {
    name: 'login',
    paths: ['/login', '/logout', '/keys'],
    timeoutS: 10,
    concurrency: 20,
    memoryMb: 256,
    budgetKb: 320,
  },
  {
    name: 'user',
    paths: ['/user', '/users', '/hello'],
    timeoutS: 10,
    concurrency: 20,
    memoryMb: 256,
    budgetKb: 320,
  },
  {
    name: 'upload',
    paths: ['/uploads', '/upload', '/files', '/tus'],
    timeoutS: 60,
    // Each may hold two parts of 5 MiB on their way to the store.
    concurrency: 10,
    memoryMb: 512,
    budgetKb: 360,
  },
  {
    name: 'rate-check',
    paths: ['/rate-check'],
    timeoutS: 10,
    concurrency: 100,
    memoryMb: 256,
    budgetKb: 220,
  },
  {
    name: 'callback',
    paths: ['/callback'],
    timeoutS: 10,
    concurrency: 20,
    memoryMb: 256,
    budgetKb: 360,
  },
  {
    name: 'order',
    paths: ['/orders', '/outbox'],
    timeoutS: 10,
    concurrency: 20,
    memoryMb: 256,
    budgetKb: 320,
  },
  {
    name: 'reconcile',
    paths: [],
    timeoutS: 60,
    concurrency: 1,
    memoryMb: 512,
    budgetKb: 260,
    timer: { name: 'reconcile', everyS: 60 },
  },
]
