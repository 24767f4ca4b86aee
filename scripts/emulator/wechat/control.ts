import { CODE_LIFE_MS } from './codes.ts'
import { latestUserKey, type UserKey } from './encrypt-keys.ts'
import type { Failure } from './failures.ts'
import type { MediaCheck, ScriptedVerdict } from './media-checks.ts'
import type { PushMessage, PushTarget } from './push-request.ts'
import type { Delivery, PushWay } from './pusher.ts'
import type { SentMessage } from './subscribe-messages.ts'
import { phoneInfo, userInfo, type UserInfo } from './user-info.ts'
import { resetWorld, type World } from './world.ts'

/** What a test or a person may do to the stand-in beside calling it: here in the process, over HTTP under `/_control/`. */
export interface Control {
  /** A code as `wx.login` would give this person: works once, for 5 minutes. */
  mintLoginCode(name: string): { readonly code: string; readonly expiresInS: number; readonly openid: string }
  /** A code as the phone button would give, for anybody or for this person only. */
  mintPhoneCode(number: string, name?: string): { readonly code: string; readonly expiresInS: number }
  identities(): readonly { readonly name: string; readonly openid: string; readonly unionid: string }[]
  fail(failure: Failure): void
  clearFailures(): void
  /** Ends every access token, so that the next call with one is answered 40001. */
  revokeTokens(): void
  /** Calls by path since the start or the last reset. */
  calls(): Readonly<Record<string, number>>
  userInfo(name: string, profile?: Readonly<Record<string, unknown>>): UserInfo
  phoneInfo(name: string, number: string): Pick<UserInfo, 'encryptedData' | 'iv'>
  /** The key that the person's client has at this moment, and WeChat tells the server. */
  userKey(name: string): UserKey
  /** Where messages and events are pushed from now on, as the mini-program console is told. */
  pushTo(target: PushTarget): void
  /** Asks whether that URL answers as the console wants it. */
  askUrl(): Promise<boolean>
  /** Pushes any message or event; what it lacks of the fields that all have is added. */
  push(message: PushMessage, how?: PushWay): Promise<Delivery>
  /** What has been pushed, verdicts about files included. */
  pushes(): readonly Delivery[]
  /** What the next file is found to be, whatever is in it. */
  nextVerdict(verdict: ScriptedVerdict): void
  /** The files that were to be checked, and what was found. */
  mediaChecks(): readonly MediaCheck[]
  /** Resolves once every file is checked and every verdict pushed. */
  mediaSettled(): Promise<void>
  /** The subscribe messages that were sent to anybody. */
  sentMessages(): readonly SentMessage[]
  /** Back to the state of the start, but for where messages are pushed. */
  reset(): void
}

const CODE_LIFE_S = CODE_LIFE_MS / 1_000

export function createControl(world: World): Control {
  const { identities, loginCodes, phoneCodes, failures, pusher, mediaChecks } = world
  return {
    mintLoginCode(name) {
      const identity = identities.named(name)
      return { code: loginCodes.mint(identity), expiresInS: CODE_LIFE_S, openid: identity.openid }
    },
    mintPhoneCode(number, name) {
      const grant = { number, ...(name === undefined ? {} : { openid: identities.named(name).openid }) }
      return { code: phoneCodes.mint(grant), expiresInS: CODE_LIFE_S }
    },
    identities: () => identities.list().map(({ name, openid, unionid }) => ({ name, openid, unionid })),
    fail: (failure) => failures.add(failure),
    clearFailures: () => failures.clear(),
    revokeTokens: () => world.tokens.revokeAll(),
    calls: () => Object.fromEntries(world.calls),
    userInfo: (name, profile) => userInfo(world, identities.named(name), profile),
    phoneInfo: (name, number) => phoneInfo(world, identities.named(name), number),
    userKey: (name) => latestUserKey(identities.named(name), world.clock()),
    pushTo: (target) => pusher.pushTo(target),
    askUrl: () => pusher.askUrl(),
    push: (message, how) => pusher.push(message, how),
    pushes: () => pusher.deliveries(),
    nextVerdict: (verdict) => mediaChecks.script(verdict),
    mediaChecks: () => mediaChecks.list(),
    mediaSettled: () => mediaChecks.settled(),
    sentMessages: () => [...world.sentMessages],
    reset: () => resetWorld(world),
  }
}
