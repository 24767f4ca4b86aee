export type Attributes = Readonly<Record<string, string | number | boolean>>

/** One piece of work that a trace shows. */
export interface Span {
  /** Adds what became known while the work went on. */
  set(attributes: Attributes): void
  /** For the header of calls made within; undefined where nobody traces. @see https://www.w3.org/TR/trace-context/ */
  readonly traceparent: string | undefined
}

/** Follows requests through the work that they cause. */
export interface Tracer {
  /**
   * Does `work` inside a span, which ends as the work does. A rejection passes through, and is noted. A name that takes work
   * to find may be a function: it is called for spans that are kept.
   */
  span<T>(name: string | (() => string), attributes: Attributes, work: (span: Span) => Promise<T>): Promise<T>
}

const NO_SPAN: Span = { set: () => {}, traceparent: undefined }

/** Follows nothing. */
export const noTrace: Tracer = { span: (_name, _attributes, work) => work(NO_SPAN) }
