import { randomUUID } from 'node:crypto'
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals'
import { type Backend, type SignedIn, startBackend } from '#tests/backend.ts'

const ENDS = 'ends for every function at the same moment'

let backend: Backend
beforeAll(async () => {
  backend = await startBackend({ admins: ['dev-admin'] })
})
afterAll(() => backend.close())

/** Status and error of what `user` asks the database about, and of what `rate-check` asks the state store about. */
async function answers({ accessToken: token }: SignedIn) {
  const [ofUser, ofRateCheck] = await Promise.all([
    backend.call('/user', { token }),
    backend.call('/rate-check/auth', { token }),
  ])
  return [ofUser.status, ofUser.body.error, ofRateCheck.status, ofRateCheck.body.error]
}

const WELCOME = [200, undefined, 200, undefined]
const ENDED = [401, 'token_revoked', 401, 'token_revoked']

/** Signs somebody in whose token both functions have verified, twice. */
async function wellKnown(): Promise<SignedIn> {
  const session = await backend.signIn(`dev-${randomUUID()}`)
  expect(await answers(session)).toEqual(WELCOME)
  expect(await answers(session)).toEqual(WELCOME)
  return session
}

// The clock of these tests stands still, so "the same moment" is meant: no second passes.
describe('a token that has just been accepted', () => {
  test(`${ENDS} as its session is logged out`, async () => {
    const session = await wellKnown()

    await backend.call('/logout', { method: 'POST', token: session.accessToken })

    expect(await answers(session)).toEqual(ENDED)
  })

  test(`${ENDS} as its user logs out everywhere elsewhere`, async () => {
    const name = `dev-${randomUUID()}`
    const [here, there] = [await backend.signIn(name), await backend.signIn(name)]
    expect(await answers(here)).toEqual(WELCOME)

    await backend.call('/logout', { token: there.accessToken, body: { everywhere: true } })

    expect(await answers(here)).toEqual(ENDED)
  })

  test(`${ENDS} as its user is banned`, async () => {
    const session = await wellKnown()
    const { accessToken: token } = await backend.signIn('dev-admin')

    const ban = { method: 'PUT', token, body: { status: 'banned' } }
    const { status } = await backend.call(`/users/${session.user.id}`, ban)

    expect(status).toBe(200)
    expect(await answers(session)).toEqual(ENDED)
  })

  test(`${ENDS} as its user’s account is deleted`, async () => {
    const session = await wellKnown()

    const { status } = await backend.call('/user', { method: 'DELETE', token: session.accessToken })

    expect(status).toBe(200)
    expect(await answers(session)).toEqual(ENDED)
  })
})
