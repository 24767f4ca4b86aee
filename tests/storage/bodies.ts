/** `sizeBytes` bytes that differ along the way, made as they are taken. */
export function streamOf(sizeBytes: number, chunkBytes = 64 * 1024): ReadableStream<Uint8Array> {
  let at = 0
  return new ReadableStream(
    {
      pull(controller) {
        if (at >= sizeBytes) return controller.close()
        const length = Math.min(chunkBytes, sizeBytes - at)
        controller.enqueue(bytesOf(length, at))
        at += length
      },
    },
    { highWaterMark: 0 },
  )
}

/** The bytes of `streamOf` from `at` on. */
export function bytesOf(length: number, at = 0): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(length)
  for (let index = 0; index < length; index += 1) bytes[index] = (at + index) * 31 + ((at + index) >> 8)
  return bytes
}

export async function readAll(body: ReadableStream<Uint8Array>): Promise<Buffer> {
  const parts: Uint8Array[] = []
  const reader = body.getReader()
  for (let part = await reader.read(); part.value !== undefined; part = await reader.read())
    parts.push(part.value)
  return Buffer.concat(parts)
}

/** POSTs a form as `wx.uploadFile` does: the fields, then the file with the type that its extension suggests. */
export function postForm(
  form: { readonly url: string; readonly fields: Readonly<Record<string, string>> },
  file: { readonly bytes: Uint8Array<ArrayBuffer>; readonly name?: string; readonly type?: string },
): Promise<Response> {
  const body = new FormData()
  for (const [name, value] of Object.entries(form.fields)) body.append(name, value)
  body.append('file', new File([file.bytes], file.name ?? 'a.png', { type: file.type ?? 'image/png' }))
  return fetch(form.url, { method: 'POST', body })
}
