import type { DiskObject } from '#shared/storage/disk/objects.ts'
import { type Answer, xml, type XmlItem } from './answer.ts'
import { checkedBody } from './checked-body.ts'
import { readForm } from './post-form.ts'
import { Refusal } from './refusal.ts'
import type { Routed, Shop } from './routes.ts'
import { verifyForm } from './verify-form.ts'
import type { Incoming } from './incoming.ts'

/** Lists by `list-type=2` with `start-after` or a token, else by `marker`; a token is the key that came last. */
export async function listObjects(shop: Shop, { parameter }: Routed): Promise<Answer> {
  const prefix = parameter('prefix')
  if (parameter('delimiter') !== '')
    throw new Refusal('NotImplemented', 'The local store lists without a delimiter')
  const limit = readLimit(parameter('max-keys'))
  const after = parameter('continuation-token') || parameter('start-after') || parameter('marker')
  const { objects: page, isMore } = await shop.disk.list({ prefix, after, limit })
  const last = page.at(-1)?.key ?? ''
  const encoded = parameter('encoding-type') === 'url' ? encodeURIComponent : (text: string) => text
  return xml('ListBucketResult', [
    ['Name', shop.bucket],
    ['Prefix', encoded(prefix)],
    ['MaxKeys', limit],
    ['KeyCount', page.length],
    ['IsTruncated', String(isMore)],
    ...(isMore
      ? ([
          ['NextContinuationToken', last],
          ['NextMarker', encoded(last)],
        ] as const)
      : []),
    ...page.map((object) => contents(object, encoded)),
  ])
}

export async function listUploads(shop: Shop, { parameter }: Routed): Promise<Answer> {
  const limit = readLimit(parameter('max-uploads'))
  const found = await shop.disk.drafts.all(parameter('prefix'))
  const uploads = found.slice(0, limit).map(({ key, id, startedMs }) => {
    return [
      'Upload',
      [
        ['Key', key],
        ['UploadId', id],
        ['Initiated', isoTime(startedMs)],
      ],
    ] as const
  })
  return xml('ListMultipartUploadsResult', [
    ['Bucket', shop.bucket],
    ['IsTruncated', String(found.length > limit)],
    ...uploads,
  ])
}

/** POST of a form: verifies all that stands before the file, then takes the file within the policy's sizes. */
export function postForm(shop: Shop, request: Incoming): Promise<Answer> {
  return readForm(request.message, async ({ fields, partType }, file) => {
    const whole = new Map([...fields, ['bucket', shop.bucket] as const])
    const nowMs = shop.clock()
    const admitted = verifyForm(whole, { partType, account: shop.account, nowMs })
    const { key, contentType } = admitted
    const { chunks, md5Of } = checkedBody(file, admitted)
    const { etag } = await shop.disk.write({ key, contentType, startedMs: nowMs }, chunks, md5Of)
    const status = STATUSES[fields.get('success_action_status') ?? ''] ?? 204
    return { status, headers: { etag: `"${etag}"` } }
  })
}

const STATUSES: Readonly<Record<string, number>> = { '200': 200, '201': 201 }

function contents(
  { key, sizeBytes, etag, modifiedMs }: DiskObject,
  encoded: (text: string) => string,
): XmlItem {
  const items = {
    Key: encoded(key),
    LastModified: isoTime(modifiedMs),
    ETag: `"${etag}"`,
    Size: sizeBytes,
  }
  return ['Contents', [...Object.entries(items), ['StorageClass', 'STANDARD']]]
}

function readLimit(text: string): number {
  const limit = text === '' ? 1_000 : Number(text)
  if (!Number.isInteger(limit) || limit < 1 || limit > 1_000) throw new Refusal('InvalidArgument')
  return limit
}

function isoTime(ms: number): string {
  return new Date(ms).toISOString()
}
