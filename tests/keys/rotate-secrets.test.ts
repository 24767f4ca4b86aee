import { describe, expect, test } from '@jest/globals'
import { generateSecrets } from '#scripts/keys/generate-secrets.ts'
import { describeSecret, rotatePartner, rotateSecret } from '#scripts/keys/rotate-secrets.ts'
import { parseKeyring } from '#shared/keyring.ts'
import { seal, unseal } from '#shared/seal.ts'
import { parsePartnerKeys } from '#shared/signing/partner-keys.ts'
import { createAccessTokens } from '#shared/tokens/access-tokens.ts'
import { parseTokenKeys } from '#shared/tokens/token-keys.ts'

const claims = { userId: 'u', sessionId: 's', epoch: 0, generation: 0 }

function tokens(setting: string) {
  return createAccessTokens({
    keys: parseTokenKeys(setting),
    issuer: 'xiaohan',
    audience: 'app',
    clock: () => 1_790_000_000_000,
  })
}

describe('rotating token keys', () => {
  test('instances of before and after a rotation accept each other', async () => {
    const before = generateSecrets().TOKEN_KEYS
    const after = rotateSecret('token', before)
    const old = await tokens(before).issue(claims)
    const fresh = await tokens(after).issue(claims)

    expect(await tokens(after).verify(old.accessToken)).toEqual(claims)
    expect(await tokens(before).verify(fresh.accessToken)).toEqual(claims)
  })

  test('a key goes from next to active to retiring and is gone', () => {
    const first = generateSecrets().TOKEN_KEYS
    const next = describeSecret('token', first)
      .find((line) => line.endsWith(' next'))
      ?.split(' ')[0]
    const seen: string[] = []

    for (let value = first, step = 0; step < 4; step += 1, value = rotateSecret('token', value)) {
      const line = describeSecret('token', value).find((text) => text.startsWith(`${next} `))
      seen.push(line?.split(' ')[1] ?? 'gone')
    }

    expect(seen).toEqual(['next', 'active', 'retiring', 'gone'])
  })

  test('a description holds nothing secret', () => {
    const { TOKEN_KEYS } = generateSecrets()

    const [active] = parseTokenKeys(TOKEN_KEYS).all

    expect(describeSecret('token', TOKEN_KEYS).join()).not.toContain(active?.privateScalar?.reveal())
  })
})

describe('rotating data keys', () => {
  test('instances of before and after a rotation open what the other seals', () => {
    const settings = [generateSecrets().DATA_KEYS]
    for (let step = 0; step < 3; step += 1) settings.push(rotateSecret('data', settings.at(-1) ?? ''))
    const keyrings = settings.map(parseKeyring)

    for (const [at, keyring] of keyrings.entries()) {
      const sealed = seal(keyring, '+8613800000001', 'users.phone:1')
      for (const other of keyrings.slice(Math.max(0, at - 1))) {
        expect(unseal(other, sealed, 'users.phone:1')).toBe('+8613800000001')
      }
    }
    expect(new Set(keyrings.map(({ activeId }) => activeId)).size).toBe(4)
  })

  test('a ring of one key, as older settings have, gets a second one', () => {
    const [only = ''] = generateSecrets().DATA_KEYS.split(',')

    expect(describeSecret('data', rotateSecret('data', only)).map((line) => line.split(' ')[1])).toEqual([
      'active',
      'retiring',
      'next',
    ])
  })

  test('a sealed text does not open elsewhere, changed, or without its key', () => {
    const keyring = parseKeyring(generateSecrets().DATA_KEYS)
    const sealed = seal(keyring, 'secret', 'users.phone:1')

    expect(() => unseal(keyring, sealed, 'users.phone:2')).toThrow()
    expect(() => unseal(keyring, `${sealed.slice(0, -2)}AA`, 'users.phone:1')).toThrow()
    expect(() => unseal(parseKeyring(generateSecrets().DATA_KEYS), sealed, 'users.phone:1')).toThrow(
      'is not in DATA_KEYS',
    )
  })
})

describe('rotating partner keys', () => {
  test('a partner has its new key beside the last one, and the one before is gone', () => {
    const settings = [generateSecrets().PARTNER_KEYS]
    for (let step = 0; step < 3; step += 1) settings.push(rotatePartner('local', settings.at(-1) ?? ''))
    const kids = settings.map((setting) => parsePartnerKeys(setting).all.map(({ kid }) => kid))

    expect(kids.map((those) => those.length)).toEqual([1, 2, 2, 2])
    expect(kids[2]?.[0]).toBe(kids[1]?.[1])
    expect(kids[3]?.[0]).toBe(kids[2]?.[1])
    expect(new Set(kids.flat()).size).toBe(4)
  })

  test('the keys of other partners stay as they are, a new partner gets its first one', () => {
    const before = rotatePartner('acme', rotatePartner('acme', generateSecrets().PARTNER_KEYS))
    const after = parsePartnerKeys(rotatePartner('globex', before))

    expect(after.of('local')).toEqual(parsePartnerKeys(before).of('local'))
    expect(after.of('acme')).toEqual(parsePartnerKeys(before).of('acme'))
    expect(after.of('globex')).toHaveLength(1)
  })

  test.each(['wx', 'Acme', 'a.b', '', 'a'.repeat(32)])('"%s" is no name for a partner', (name) => {
    expect(() => rotatePartner(name, generateSecrets().PARTNER_KEYS)).toThrow(TypeError)
  })

  test('a description holds nothing secret', () => {
    const value = rotatePartner('acme', generateSecrets().PARTNER_KEYS)

    const lines = describeSecret('partner', value)

    expect(lines).toEqual([
      expect.stringMatching(/^local\.k\S+ active$/),
      expect.stringMatching(/^acme\.k\S+ active$/),
    ])
    for (const entry of value.split(',')) expect(lines.join()).not.toContain(entry.split(':')[1])
  })
})
