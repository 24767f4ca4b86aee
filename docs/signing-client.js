// Signs requests of a mini-program: plain JavaScript, nothing from Node, browsers or wx. See signing.md.

/**
 * The value of the X-Signature header.
 *
 * @param {object} call
 * @param {string} call.kid signing.kid of the login's answer
 * @param {string} call.key signing.key of the login's answer: 32 bytes in base64url
 * @param {string} call.sid the claim sid of the access token, see sessionId()
 * @param {number} call.ts Unix time in seconds, corrected by what clock_skew told
 * @param {Uint8Array} call.random 16 random bytes, of wx.getRandomValues
 * @param {string} call.method GET, POST, PUT or DELETE
 * @param {string} call.host api.example.com, with the port unless it is 80 or 443
 * @param {string} call.path /api/v1/orders, as it stands in the URL
 * @param {Array<[string, string]>} [call.query] names and values, not encoded
 * @param {string} [call.body] the very text that is sent
 */
export function signature({ kid, key, sid, ts, random, method, host, path, query = [], body = '' }) {
  const nonce = base64url(random)
  const text = canonicalText({ kid, ts, nonce, method, host, path, query, sid, body })
  const sig = base64url(hmac(fromBase64url(key), utf8(text)))
  return `v1;kid=${kid};ts=${ts};nonce=${nonce};sig=${sig}`
}

/** The ten lines that are signed. */
export function canonicalText({ kid, ts, nonce, method, host, path, query = [], sid, body = '' }) {
  const name = host.toLowerCase().replace(/:(80|443)$/, '')
  const bodyHash = hex(sha256(utf8(body)))
  return ['XH1-HMAC-SHA256', kid, ts, nonce, method, name, path, queryText(query), sid || '-', bodyHash].join(
    '\n',
  )
}

/** Names and values percent-encoded, sorted, joined: good for the URL, too. */
export function queryText(query) {
  const pairs = query.map(([name, value]) => [encode(name), encode(value)])
  pairs.sort(([a, x], [b, y]) => (a === b ? order(x, y) : order(a, b)))
  return pairs.map(([name, value]) => `${name}=${value}`).join('&')
}

/** The session's id, from the middle part of the access token. */
export function sessionId(accessToken) {
  const claims = fromBase64url(accessToken.split('.')[1])
  return JSON.parse(String.fromCharCode(...claims)).sid // all of them are ASCII
}

function encode(text) {
  return encodeURIComponent(text).replace(
    /[!'()*]/g,
    (it) => `%${it.charCodeAt(0).toString(16).toUpperCase()}`,
  )
}

function order(a, b) {
  if (a === b) return 0
  return a < b ? -1 : 1
}

export function utf8(text) {
  const escaped = encodeURIComponent(text).replace(/%([0-9A-F]{2})/g, (_, code) =>
    String.fromCharCode(parseInt(code, 16)),
  )
  return Uint8Array.from(escaped, (it) => it.charCodeAt(0))
}

const ALPHABET = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_'

export function base64url(bytes) {
  let text = ''
  for (let at = 0; at < bytes.length; at += 3) {
    const bits = (bytes[at] << 16) | ((bytes[at + 1] || 0) << 8) | (bytes[at + 2] || 0)
    for (let part = 0; part < Math.min(4, bytes.length - at + 1); part += 1)
      text += ALPHABET[(bits >> (18 - 6 * part)) & 63]
  }
  return text
}

export function fromBase64url(text) {
  const bytes = []
  let bits = 0
  for (let at = 0; at < text.length; at += 1) {
    bits = ((bits << 6) | ALPHABET.indexOf(text[at])) & 0xffff
    const spare = (at * 6 + 6) % 8
    if (spare < 6) bytes.push((bits >> spare) & 255)
  }
  return Uint8Array.from(bytes)
}

function hex(bytes) {
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, '0')).join('')
}

/** RFC 2104 for keys of up to 64 bytes. */
export function hmac(key, message) {
  const pad = (byte) => Uint8Array.from({ length: 64 }, (_, at) => (key[at] || 0) ^ byte)
  return sha256(joined(pad(0x5c), sha256(joined(pad(0x36), message))))
}

function joined(a, b) {
  const all = new Uint8Array(a.length + b.length)
  all.set(a)
  all.set(b, a.length)
  return all
}

/** The first `count` primes. */
function primes(count) {
  const found = []
  for (let n = 2; found.length < count; n += 1) if (found.every((prime) => n % prime !== 0)) found.push(n)
  return found
}

/** The first 32 bits after the point. */
const fraction = (number) => ((number - Math.floor(number)) * 0x100000000) | 0
const ROUND = primes(64).map((prime) => fraction(Math.cbrt(prime)))
const START = primes(8).map((prime) => fraction(Math.sqrt(prime)))

/** FIPS 180-4. */
export function sha256(message) {
  const blocks = new Uint8Array(Math.ceil((message.length + 9) / 64) * 64)
  blocks.set(message)
  blocks[message.length] = 0x80
  const view = new DataView(blocks.buffer)
  view.setUint32(blocks.length - 8, Math.floor(message.length / 0x20000000))
  view.setUint32(blocks.length - 4, message.length << 3)
  const state = START.slice()
  for (let at = 0; at < blocks.length; at += 64) mix(state, view, at)
  const digest = new DataView(new ArrayBuffer(32))
  state.forEach((word, at) => digest.setUint32(at * 4, word))
  return new Uint8Array(digest.buffer)
}

function mix(state, view, at) {
  const w = []
  for (let i = 0; i < 64; i += 1) {
    if (i < 16) w[i] = view.getInt32(at + i * 4)
    else {
      const s0 = turn(w[i - 15], 7) ^ turn(w[i - 15], 18) ^ (w[i - 15] >>> 3)
      const s1 = turn(w[i - 2], 17) ^ turn(w[i - 2], 19) ^ (w[i - 2] >>> 10)
      w[i] = (w[i - 16] + s0 + w[i - 7] + s1) | 0
    }
  }
  let [a, b, c, d, e, f, g, h] = state
  for (let i = 0; i < 64; i += 1) {
    const t1 = (h + (turn(e, 6) ^ turn(e, 11) ^ turn(e, 25)) + ((e & f) ^ (~e & g)) + ROUND[i] + w[i]) | 0
    const t2 = ((turn(a, 2) ^ turn(a, 13) ^ turn(a, 22)) + ((a & b) ^ (a & c) ^ (b & c))) | 0
    ;[h, g, f, e, d, c, b, a] = [g, f, e, (d + t1) | 0, c, b, a, (t1 + t2) | 0]
  }
  ;[a, b, c, d, e, f, g, h].forEach((word, i) => (state[i] = (state[i] + word) | 0))
}

function turn(word, by) {
  return (word >>> by) | (word << (32 - by))
}
