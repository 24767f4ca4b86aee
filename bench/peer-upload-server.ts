// Runs in a process of its own: node|bun bench/peer-upload-server.ts <drain|disk|store> [<folder>|<store URL> <key id> <secret key>]
// A bare busboy server, for comparison: it checks nothing and knows nobody.
import { createWriteStream, rmSync } from 'node:fs'
import { createServer } from 'node:http'
import { join } from 'node:path'
import { Readable } from 'node:stream'
import { finished, pipeline } from 'node:stream/promises'
import busboy from 'busboy'
import { secret } from '#shared/secret.ts'
import { openStorage } from '#shared/storage/open-storage.ts'
import { readStorageUrl } from '#shared/storage/storage-address.ts'

type Sink = (file: Readable) => Promise<unknown>

const SINKS: Readonly<Record<string, () => Sink>> = {
  drain: () => (file) => finished(file.resume()),
  disk: diskSink,
  store: storeSink,
}

const [name = '', ...options] = process.argv.slice(2)
const sink = SINKS[name]?.()
if (sink === undefined) throw new TypeError(`No such sink: ${name}`)

const server = createServer((request, response) => {
  const parser = busboy({ headers: request.headers })
  const answer = (status: number) => response.writeHead(status).end('{}')
  parser.on('file', (_field, file) => {
    sink(file).then(
      () => answer(201),
      (error: unknown) => {
        console.error(error)
        answer(500)
      },
    )
  })
  request.pipe(parser)
})
server.listen(0, '127.0.0.1', () => console.log(JSON.stringify(server.address())))

function diskSink(): Sink {
  const [folder = ''] = options
  return async (file) => {
    const path = join(folder, 'film')
    await pipeline(file, createWriteStream(path))
    rmSync(path)
  }
}

function storeSink(): Sink {
  const [url = '', accessKeyId = '', secretKey = ''] = options
  const credentials = { accessKeyId, secretKey: secret(secretKey) }
  const storage = openStorage({ at: readStorageUrl(url), credentials: () => credentials })
  const { signal } = new AbortController()
  return async (file) => {
    const body = Readable.toWeb(file) as ReadableStream<Uint8Array> // a stream of Buffers
    await storage.put('peer', body, { contentType: 'video/mp4' }, signal)
    await storage.delete('peer', signal)
  }
}
