import { createHmac } from 'node:crypto'
import { describe, expect, test } from '@jest/globals'
import { parseKeyring } from '#shared/keyring.ts'
import { sessionSigningKey } from '#shared/signing/session-signing-key.ts'

const MASTER = 'k1:AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8'
const session = {
  appId: 'wx5a1b2c3d4e5f6071',
  sessionId: '7f3c2a10-0000-4000-8000-000000000001',
  generation: 4,
}

/** RFC 5869 by hand, one block of output: extract with the salt, expand with info and the counter 0x01. */
function hkdf(ikm: Buffer, salt: string, info: string): string {
  const extracted = createHmac('sha256', salt).update(ikm).digest()
  return createHmac('sha256', extracted).update(info).update(Buffer.of(1)).digest('base64url')
}

describe('session signing key', () => {
  test('is HKDF-SHA256 of the master key over session, app and generation', () => {
    const ikm = Buffer.from(MASTER.slice(3), 'base64url')

    const { kid, key } = sessionSigningKey(parseKeyring(MASTER), session)

    expect(kid).toBe('k1')
    expect(key).toBe(hkdf(ikm, session.sessionId, `mp-sign-v1\0${session.appId}\0${session.generation}`))
  })

  test.each([
    ['session', { ...session, sessionId: '7f3c2a10-0000-4000-8000-000000000002' }],
    ['generation', { ...session, generation: 5 }],
    ['app', { ...session, appId: 'wx0000000000000001' }],
  ])('another %s has another key', (_, other) => {
    const masters = parseKeyring(MASTER)

    expect(sessionSigningKey(masters, other).key).not.toBe(sessionSigningKey(masters, session).key)
  })
})
