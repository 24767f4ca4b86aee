import type { AfterCommit, Dialect, Queries } from '#shared/db/database.ts'

/** What WeChat's content safety says about a file that it was asked to check. */
export interface MediaVerdict {
  readonly traceId: string
  readonly suggest: 'pass' | 'review' | 'risky'
  /** 100 normal, 10001 ads, 20001 politics, 20002 porn, 20006 crime, 21000 other; 0 where it says nothing. */
  readonly label: number
  /** 0, or why WeChat could not check it; -1008: it could not fetch the file. */
  readonly errcode: number
}

/** Takes a verdict, any number of times the same, in the caller's transaction, and does nothing about a trace that is unknown. */
export type TakeMediaVerdict = (
  verdict: MediaVerdict,
  within: { readonly sql: Queries; readonly dialect: Dialect },
  signal: AbortSignal,
) => Promise<AfterCommit>
