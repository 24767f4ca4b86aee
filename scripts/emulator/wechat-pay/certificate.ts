import { type KeyObject, randomBytes, sign } from 'node:crypto'

/** What a certificate is about. */
export interface CertificateTerms {
  readonly privateKey: KeyObject
  readonly publicKey: KeyObject
  /** In hex. */
  readonly serial: string
  readonly from: Date
  readonly to: Date
}

/** A number as it stands in certificates: positive, so its first bit is 0; 20 bytes, as WeChat Pay's have. */
export function newSerial(): string {
  const [first = 0, ...rest] = randomBytes(20)
  return Buffer.from([(first & 0x3f) | 0x40, ...rest])
    .toString('hex')
    .toUpperCase()
}

/** A self-signed X.509 certificate in PEM. @see RFC 5280, section 4.1 */
export function selfSigned({ privateKey, publicKey, serial, from, to }: CertificateTerms): string {
  const name = sequence(set(sequence(COMMON_NAME, der(UTF8_STRING, Buffer.from('WeChat Pay stand-in')))))
  const version = der(EXPLICIT_0, der(INTEGER, Buffer.of(2))) // which is version 3
  const number = der(INTEGER, Buffer.from(serial, 'hex'))
  const validity = sequence(time(from), time(to))
  const spki = publicKey.export({ format: 'der', type: 'spki' })
  const signed = sequence(version, number, SHA256_WITH_RSA, name, validity, name, spki)
  const signature = sign('RSA-SHA256', signed, privateKey)
  const whole = sequence(signed, SHA256_WITH_RSA, der(BIT_STRING, Buffer.of(0), signature)) // no unused bits
  const lines = whole.toString('base64').match(/.{1,64}/g) ?? []
  return ['-----BEGIN CERTIFICATE-----', ...lines, '-----END CERTIFICATE-----', ''].join('\n')
}

/** Tags of X.690. */
const INTEGER = 0x02
const BIT_STRING = 0x03
const NULL = 0x05
const OBJECT_ID = 0x06
const UTF8_STRING = 0x0c
const GENERALIZED_TIME = 0x18
const SEQUENCE = 0x30
const SET = 0x31
const EXPLICIT_0 = 0xa0

/** 1.2.840.113549.1.1.11 and 2.5.4.3, as X.690 writes them. */
const SHA256_WITH_RSA = sequence(der(OBJECT_ID, Buffer.from('2a864886f70d01010b', 'hex')), der(NULL))
const COMMON_NAME = der(OBJECT_ID, Buffer.from('550403', 'hex'))

/** Tag, length and content. */
function der(tag: number, ...parts: readonly Uint8Array[]): Buffer {
  const content = Buffer.concat(parts)
  return Buffer.concat([Buffer.of(tag), lengthOf(content), content])
}

/** Up to 127 in one byte; longer as the number of bytes, then these. */
function lengthOf({ length }: Uint8Array): Buffer {
  if (length < 0x80) return Buffer.of(length)
  return length < 0x100 ? Buffer.of(0x81, length) : Buffer.of(0x82, length >> 8, length & 0xff)
}

function sequence(...parts: readonly Uint8Array[]): Buffer {
  return der(SEQUENCE, ...parts)
}

function set(...parts: readonly Uint8Array[]): Buffer {
  return der(SET, ...parts)
}

function time(date: Date): Buffer {
  return der(GENERALIZED_TIME, Buffer.from(`${date.toISOString().replace(/\D/g, '').slice(0, 14)}Z`))
}
