/** A scripted failure of one kind of request, for the next `times` of them. */
export interface Failure {
  /** A method, as `PUT`, a method and a parameter, as `PUT partNumber`, or `*` for every request. */
  readonly request: string
  /** Requests it applies to; all until cleared unless given. */
  readonly times?: number | undefined
  /** Requests of the kind that pass before. */
  readonly after?: number | undefined
  /** Milliseconds before the answer. */
  readonly latencyMs?: number | undefined
  /** Answer with this HTTP status and the code `InternalError`. */
  readonly status?: number | undefined
  /** `drop` closes the connection, `silent` never answers, `cut` breaks the answer's body off in the middle, `stall` leaves it there. */
  readonly connection?: 'drop' | 'silent' | 'cut' | 'stall' | undefined
}

export interface Failures {
  add(failure: Failure): void
  /** The failure that this request meets, which counts as one of its times. */
  take(method: string, parameters: Iterable<string>): Failure | undefined
  clear(): void
}

export function createFailures(): Failures {
  let scripted: { readonly failure: Failure; left: number; passing: number }[] = []

  function take(method: string, parameters: Iterable<string>): Failure | undefined {
    const kinds = new Set(['*', method, ...[...parameters].map((name) => `${method} ${name}`)])
    const found = scripted.find(({ failure }) => kinds.has(failure.request))
    if (found === undefined) return undefined
    if (found.passing > 0) {
      found.passing -= 1
      return undefined
    }
    found.left -= 1
    if (found.left <= 0) scripted = scripted.filter((one) => one !== found)
    return found.failure
  }

  return {
    add(failure) {
      scripted.push({ failure, left: failure.times ?? Number.POSITIVE_INFINITY, passing: failure.after ?? 0 })
    },
    take,
    clear() {
      scripted = []
    },
  }
}
