import { statSync, utimesSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from '@jest/globals'
import { findExecutable } from '#scripts/services/executables.ts'
import { freePort } from '#scripts/services/free-port.ts'
import { keep, type Kept } from '#scripts/services/keeper.ts'
import { type Representation, representationHeaders, selectRepresentation } from '#shared/http/conditional.ts'
import { until } from '#tests/runtime/until.ts'
import { describeWith } from '#tests/services/describe-with.ts'
import { temporaryFolder } from '#tests/services/servers.ts'

const CHANGED = 'Sun, 06 Nov 1994 08:49:37 GMT'
const BEFORE = 'Sun, 06 Nov 1994 08:49:36 GMT'
const AFTER = 'Sun, 06 Nov 1994 08:49:38 GMT'
const TEXT = '0123456789'
/** nginx names a file by its time and length. */
const TAG = `${(Date.parse(CHANGED) / 1_000).toString(16)}-${TEXT.length.toString(16)}`

/**
 * What is plain enough for nginx to agree with RFC 9110: it answers 416 for what is malformed, counts If-Modified-Since
 * although If-None-Match is there, and takes an unknown unit for a fault.
 */
const CASES: readonly Readonly<Record<string, string>>[] = [
  {},
  { 'if-match': `"${TAG}"` },
  { 'if-match': '"other"' },
  { 'if-match': '*' },
  { 'if-match': `"other", "${TAG}"` },
  { 'if-match': `W/"${TAG}"` },
  { 'if-unmodified-since': CHANGED },
  { 'if-unmodified-since': BEFORE },
  { 'if-unmodified-since': AFTER },
  { 'if-none-match': `"${TAG}"` },
  { 'if-none-match': `W/"${TAG}"` },
  { 'if-none-match': '"other"' },
  { 'if-none-match': '*' },
  { 'if-none-match': `"other","${TAG}"` },
  { 'if-none-match': `"${TAG}"`, range: 'bytes=0-4' },
  { 'if-modified-since': CHANGED },
  { 'if-modified-since': BEFORE },
  { 'if-modified-since': AFTER },
  { 'if-modified-since': 'Sunday, 06-Nov-94 08:49:37 GMT' },
  { 'if-modified-since': 'Sun Nov  6 08:49:37 1994' },
  { 'if-modified-since': CHANGED, range: 'bytes=0-4' },
  { range: 'bytes=0-4' },
  { range: 'bytes=0-0' },
  { range: 'bytes=9-9' },
  { range: 'bytes=5-' },
  { range: 'bytes=5-99' },
  { range: 'bytes=-3' },
  { range: 'bytes=-10' },
  { range: 'bytes=-11' },
  { range: 'bytes=10-' },
  { range: 'bytes=10-20' },
  { range: 'bytes=-0' },
  { range: 'bytes=0-4', 'if-range': `"${TAG}"` },
  { range: 'bytes=0-4', 'if-range': '"other"' },
  { range: 'bytes=0-4', 'if-range': `W/"${TAG}"` },
  { range: 'bytes=0-4', 'if-range': CHANGED },
  { range: 'bytes=0-4', 'if-range': BEFORE },
  { range: 'bytes=0-4', 'if-range': AFTER },
  { range: 'bytes=0-4', 'if-match': '"other"' },
  { range: 'bytes=99-', 'if-unmodified-since': BEFORE },
]

describeWith(['nginx'], 'nginx and we', () => {
  let nginx: Kept
  let url: string
  let file: Representation
  beforeAll(async () => {
    const folder = temporaryFolder()
    const path = join(folder, 'file.txt')
    writeFileSync(path, TEXT)
    utimesSync(path, new Date(CHANGED), new Date(CHANGED))
    file = { etag: TAG, lastModified: statSync(path).mtime, sizeBytes: TEXT.length }
    const port = await freePort()
    url = `http://127.0.0.1:${port}/file.txt`
    const temporary = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi']
      .map((name) => `${name}_temp_path ${folder}/${name};`)
      .join(' ')
    const server = `server { listen 127.0.0.1:${port}; root ${folder}; if_modified_since before; max_ranges 1; }`
    const config = join(folder, 'nginx.conf')
    writeFileSync(
      config,
      `daemon off; master_process off; pid ${folder}/pid; events {}\nhttp { access_log off; ${temporary} ${server} }`,
    )
    const command = findExecutable('nginx') ?? ''
    nginx = await keep({ command, args: ['-c', config, '-p', folder, '-e', 'stderr'], stopSignal: 'TERM' })
    await until(async () => (await fetch(url).catch(() => undefined)) !== undefined)
  }, 30_000)
  afterAll(async () => {
    await nginx?.stop()
  })

  test.each(CASES)('answer alike: %j', async (fields) => {
    const theirs = await fetch(url, { headers: fields })

    const ours = selectRepresentation({ method: 'GET', headers: new Headers(fields) }, file)
    const headers = new Headers(representationHeaders(ours, file))
    const told = (name: string) => [ours.status, headers.get(name)]
    expect(told('content-range')).toEqual([theirs.status, theirs.headers.get('content-range')])
    if (ours.status !== 200 && ours.status !== 206) return
    expect([headers.get('etag'), headers.get('last-modified'), headers.get('content-length')]).toEqual(
      ['etag', 'last-modified', 'content-length'].map((name) => theirs.headers.get(name)),
    )
  })
})
