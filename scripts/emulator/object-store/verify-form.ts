import { OSS_DIALECT } from '#shared/storage/oss-scheme.ts'
import { S3_DIALECT } from '#shared/storage/s3-scheme.ts'
import type { V4Dialect } from '#shared/storage/v4-scheme.ts'
import type { Account } from './account.ts'
import { checkPolicy, type Range } from './check-policy.ts'
import type { Flavour } from './incoming.ts'
import { Refusal } from './refusal.ts'
import { requireCosIdentity, requireCosSignature, requireCosTime, sha1 } from './verify-cos.ts'
import { requireCredential, requireSignature } from './verify-v4.ts'

/** A form's fields before its file: names in lower case, the bucket among them. */
export type Fields = ReadonlyMap<string, string>

interface FormRow {
  readonly isSpoken: (fields: Fields) => boolean
  readonly verify: (fields: Fields, policy: string, account: Account, nowMs: number) => void
  /** The fields as the policy names them. */
  readonly judged: (fields: Fields) => Fields
  /** The type of the object; `part` is the type that the file part claims. */
  readonly contentType: (fields: Fields, part: string) => string
}

const FORMS: Readonly<Record<Flavour, FormRow>> = {
  s3: {
    isSpoken: (fields) => fields.has('x-amz-signature'),
    verify: (fields, policy, account) => verifyV4Form(S3_DIALECT, fields, policy, account),
    judged: (fields) => fields,
    contentType: (fields) => fields.get('content-type') ?? 'binary/octet-stream',
  },
  oss: {
    isSpoken: (fields) => fields.has('x-oss-signature'),
    verify: (fields, policy, account) => verifyV4Form(OSS_DIALECT, fields, policy, account),
    judged: (fields) => fields,
    contentType: (fields, part) =>
      fields.get('x-oss-content-type') ?? (part || (fields.get('content-type') ?? '')),
  },
  cos: {
    isSpoken: (fields) => fields.has('q-signature'),
    verify: verifyCosForm,
    // The policy must pin the time of the key as `q-sign-time`, which is no field; else it would serve for ever.
    judged: (fields) => new Map([...fields, ['q-sign-time', fields.get('q-key-time') ?? '']]),
    contentType: (fields, part) => fields.get('content-type') ?? part,
  },
}

const NAMES = Object.keys(FORMS) as readonly Flavour[] // keys of the literal above

export interface AdmittedForm extends Range {
  readonly key: string
  readonly contentType: string
}

/** Lets a form pass that is signed under the account and that its policy admits. */
export function verifyForm(
  fields: Fields,
  {
    partType,
    account,
    nowMs,
  }: { readonly partType: string; readonly account: Account; readonly nowMs: number },
): AdmittedForm {
  const flavour = NAMES.find((name) => FORMS[name].isSpoken(fields))
  const policy = fields.get('policy')
  if (flavour === undefined || policy === undefined)
    throw new Refusal('AccessDenied', 'Anonymous access is forbidden')
  const row = FORMS[flavour]
  row.verify(fields, policy, account, nowMs)
  const range = checkPolicy(flavour, decoded(policy), { fields: row.judged(fields), nowMs })
  const key = fields.get('key') ?? ''
  if (key === '') throw new Refusal('InvalidArgument', 'The form has no key')
  return { key, contentType: row.contentType(fields, partType), ...range }
}

function verifyV4Form(dialect: V4Dialect, fields: Fields, policy: string, account: Account): void {
  const { formNames: names } = dialect
  if (fields.get(names.algorithm) !== dialect.algorithm)
    throw new Refusal('InvalidArgument', 'The signature version is wrong')
  const claim = {
    credential: fields.get(names.credential) ?? '',
    time: fields.get(names.date) ?? '',
    token: fields.get(names.token),
    signature: fields.get(names.signature) ?? '',
  }
  requireCredential(dialect, claim, account)
  requireSignature(dialect, claim, account, policy)
}

function verifyCosForm(fields: Fields, policy: string, account: Account, nowMs: number): void {
  const field = (name: string) => fields.get(name) ?? ''
  requireCosIdentity({ algorithm: field('q-sign-algorithm'), accessKeyId: field('q-ak') }, account)
  requireCosTime(field('q-key-time'), nowMs)
  if (fields.get('x-cos-security-token') !== account.sessionToken)
    throw new Refusal('AccessDenied', 'The security token is wrong')
  const text = decoded(policy)
  requireCosSignature(field('q-signature'), { keyTime: field('q-key-time'), text: sha1(text) }, account)
}

function decoded(policy: string): string {
  const bytes = Buffer.from(policy, 'base64')
  if (bytes.toString('base64') !== policy) throw new Refusal('InvalidArgument', 'The policy is not base64')
  return bytes.toString()
}
