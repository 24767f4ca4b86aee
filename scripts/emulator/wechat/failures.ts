/** A scripted failure of one endpoint, for the next `times` calls. */
export interface Failure {
  /** A path, as `/sns/jscode2session`, or `*` for every one. */
  readonly endpoint: string
  /** Calls it applies to; all until cleared unless given. */
  readonly times?: number | undefined
  /** Milliseconds before the answer. */
  readonly latencyMs?: number | undefined
  /** Answer with this errcode. */
  readonly errcode?: number | undefined
  /** Answer with this HTTP status. */
  readonly status?: number | undefined
  /** Answer with this text instead of JSON. */
  readonly body?: string | undefined
  /** Answer with spaces of this length. */
  readonly bodyBytes?: number | undefined
  /** `drop` closes the connection, `silent` never answers. */
  readonly connection?: 'drop' | 'silent' | undefined
  /** Does the work first, so that a code is used up although the caller never learns. */
  readonly afterWork?: boolean | undefined
}

export interface Failures {
  add(failure: Failure): void
  /** The failure that this call of `endpoint` meets, which counts as one of its times. */
  take(endpoint: string): Failure | undefined
  clear(): void
}

export function createFailures(): Failures {
  let scripted: { readonly failure: Failure; left: number }[] = []

  function take(endpoint: string): Failure | undefined {
    const found = scripted.find(({ failure }) => failure.endpoint === endpoint || failure.endpoint === '*')
    if (found === undefined) return undefined
    found.left -= 1
    if (found.left <= 0) scripted = scripted.filter((one) => one !== found)
    return found.failure
  }

  return {
    add: (failure) => void scripted.push({ failure, left: failure.times ?? Number.POSITIVE_INFINITY }),
    take,
    clear: () => {
      scripted = []
    },
  }
}
