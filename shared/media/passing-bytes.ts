import { contentFault } from './content-fault.ts'

/** A part of a parser. It yields when it needs more bytes. */
export type Step<T> = Generator<undefined, T, undefined>

/** Bytes on their way through. Whatever a parser keeps goes on without a copy; it holds only what it looks at. */
export interface PassingBytes {
  /** The next bytes, which stay where they are; fewer of them only at the end. */
  peek(bytes: number): Step<Buffer>
  /** @throws Fault unsupported_media_type when they end before that */
  keep(bytes: number): Step<void>
  /** Keeps up to the place that `find` gives, -1 meaning none among the bytes at hand. @throws Fault unsupported_media_type */
  keepTo(find: (bytes: Buffer, from: number) => number): Step<void>
  /** @throws Fault unsupported_media_type when they end before that */
  drop(bytes: number): Step<void>
  /** Puts bytes of the parser's own here. */
  put(bytes: Uint8Array): void
}

/** The other side: for whoever runs the parser. */
export interface Feed {
  feed(bytes: Buffer): void
  end(): void
  /** Sends what was kept and not sent yet, which is due when the parser has come to its end. */
  flush(): void
}

const NOTHING = Buffer.alloc(0)

/** Sends what is kept on; `feed` it whenever the parser has yielded. */
export function passingBytes(send: (bytes: Uint8Array) => void): PassingBytes & Feed {
  /** At hand: sent up to `sent`, passed up to `at`. */
  let chunk: Buffer = NOTHING
  let at = 0
  let sent = 0
  let isDropping = false
  let next: Buffer = NOTHING
  let isEnd = false

  function flush(): void {
    if (!isDropping && at > sent) send(chunk.subarray(sent, at))
    sent = at
  }

  function use(bytes: Buffer): void {
    flush()
    chunk = bytes
    at = 0
    sent = 0
  }

  /** Waits for bytes behind those at hand; false at the end. */
  function* arrived(): Step<boolean> {
    while (next.length === 0) {
      if (isEnd) return false
      yield
    }
    return true
  }

  function* peek(bytes: number): Step<Buffer> {
    if (chunk.length - at < bytes) yield* gather(bytes)
    return chunk.subarray(at, at + bytes)
  }

  function* gather(bytes: number): Step<void> {
    flush()
    const parts = [chunk.subarray(at)]
    let missing = bytes - (chunk.length - at)
    while (missing > 0 && (yield* arrived())) {
      // As a whole: the next look, too, shall find its bytes at hand, or each would cost a copy.
      missing -= next.length
      parts.push(next)
      next = NOTHING
    }
    use(Buffer.concat(parts))
  }

  function* refill(): Step<void> {
    flush()
    if (!(yield* arrived())) throw contentFault('truncated', 'the file is not whole')
    use(next)
    next = NOTHING
  }

  function* keep(bytes: number): Step<void> {
    let left = bytes
    for (;;) {
      const step = Math.min(left, chunk.length - at)
      at += step
      left -= step
      if (left === 0) return
      yield* refill()
    }
  }

  function* keepTo(find: (bytes: Buffer, from: number) => number): Step<void> {
    for (;;) {
      const found = find(chunk, at)
      at = found === -1 ? chunk.length : found
      if (found !== -1) return
      yield* refill()
    }
  }

  function* drop(bytes: number): Step<void> {
    flush()
    isDropping = true
    yield* keep(bytes)
    flush()
    isDropping = false
  }

  function put(bytes: Uint8Array): void {
    flush()
    send(bytes)
  }

  return {
    peek,
    keep,
    keepTo,
    drop,
    put,
    flush,
    feed(bytes) {
      next = bytes
    },
    end() {
      isEnd = true
    },
  }
}
