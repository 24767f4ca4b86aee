import type { Clock } from '#shared/clock.ts'
import type { Disk } from '#shared/storage/disk/disk.ts'
import type { Account } from './account.ts'
import type { Answer } from './answer.ts'
import { listObjects, listUploads } from './bucket-routes.ts'
import type { Flavour, Incoming } from './incoming.ts'
import { deleteObject, READ_PARAMETERS, readObject, writeObject } from './object-routes.ts'
import { Refusal } from './refusal.ts'
import { abortUpload, completeUpload, createUpload, listParts, writePart } from './upload-routes.ts'

/** What the store has at hand. */
export interface Shop {
  readonly bucket: string
  readonly account: Account
  readonly disk: Disk
  readonly clock: Clock
}

/** A verified request on its way to a route. */
export interface Routed {
  readonly request: Incoming
  readonly flavour: Flavour
  /** Empty for the bucket itself. */
  readonly key: string
  /** A parameter of the query, empty without it. */
  readonly parameter: (name: string) => string
}

interface Route {
  /** A parameter that tells it from others of the same method. */
  readonly by?: string
  readonly parameters: readonly string[]
  readonly act: (shop: Shop, routed: Routed) => Answer | Promise<Answer>
}

/** `METHOD object` or `METHOD bucket` → routes, the first whose parameter is there. */
const ROUTES: Readonly<Record<string, readonly Route[]>> = {
  'GET object': [
    { by: 'uploadId', parameters: ['uploadId', 'part-number-marker', 'max-parts'], act: listParts },
    { parameters: READ_PARAMETERS, act: readObject },
  ],
  'HEAD object': [{ parameters: READ_PARAMETERS, act: readObject }],
  'PUT object': [
    { by: 'uploadId', parameters: ['uploadId', 'partNumber'], act: writePart },
    { parameters: [], act: writeObject },
  ],
  'POST object': [
    { by: 'uploads', parameters: ['uploads'], act: createUpload },
    { by: 'uploadId', parameters: ['uploadId'], act: completeUpload },
  ],
  'DELETE object': [
    { by: 'uploadId', parameters: ['uploadId'], act: abortUpload },
    { parameters: [], act: deleteObject },
  ],
  'GET bucket': [
    { by: 'uploads', parameters: ['uploads', 'prefix', 'max-uploads', 'encoding-type'], act: listUploads },
    {
      parameters: [
        'list-type',
        'prefix',
        'max-keys',
        'start-after',
        'continuation-token',
        'marker',
        'encoding-type',
        'delimiter',
      ],
      act: listObjects,
    },
  ],
  'HEAD bucket': [{ parameters: [], act: () => ({ status: 200 }) }],
}

/** Names of a query that carry the signature, or that SDKs add for their own logs. */
const INCIDENTAL =
  /^(?:x-amz-(?!copy)[\w-]*|x-id|x-oss-(?:signature|signature-version|credential|date|expires|additional-headers|security-token)|q-[\w-]+|x-cos-security-token)$/i

/** Does what a verified request asks for. A parameter that the route does not know is refused, never ignored. */
export async function route(shop: Shop, flavour: Flavour, request: Incoming): Promise<Answer> {
  const target = request.key === undefined ? 'bucket' : 'object'
  const routes = ROUTES[`${request.method} ${target}`]
  if (routes === undefined) throw new Refusal('MethodNotAllowed')
  const found = routes.find(({ by }) => by === undefined || request.query.has(by))
  const names = [...request.query.keys()].filter((name) => !INCIDENTAL.test(name))
  const unknown = names.find((name) => !found?.parameters.includes(name))
  if (found === undefined || unknown !== undefined)
    throw new Refusal('NotImplemented', `The local store does not do ${unknown ?? 'this'}`)
  const parameter = (name: string) => request.query.get(name) ?? ''
  return found.act(shop, { request, flavour, key: request.key ?? '', parameter })
}
