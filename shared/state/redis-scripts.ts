import { createHash } from 'node:crypto'
import { WINDOW_TICKS } from './limit-units.ts'
import type { Client } from './redis-connection.ts'

/** A Lua script and the digest that names it to a server which has seen it before. */
export interface Script {
  readonly text: string
  readonly digest: string
}

function script(text: string): Script {
  let digest: string | undefined
  return {
    text,
    get digest() {
      return (digest ??= createHash('sha1').update(text).digest('hex'))
    },
  }
}

/**
 * What a limit's value means, by kind: each function reads one and answers with the time in microseconds until the
 * cost would be granted (0 or less when it is) and with a function of the units taken: what remains, when the whole
 * limit is available again, the value to keep, and a mark of when it was taken. A bucket's value is its theoretical
 * arrival time, a window's its number and the counts of it and of the one before. All numbers are integers that a
 * double holds exactly; the time is the server's. A value of another kind counts as none.
 */
const KINDS = `local time = redis.call('TIME')
local now = time[1] * 1000000 + time[2]
local floor, ceil, max, min = math.floor, math.ceil, math.max, math.min
local TICKS = ${WINDOW_TICKS}
local kinds = {}

kinds['token-bucket'] = function(value, span, size, cost)
  local tat = min(max(tonumber(value) or now, now), now + span * size)
  return tat + span * (cost - size) - now, function(taken)
    local after = tat + span * taken
    return floor((now - after) / span) + size, after, string.format('%.0f', after), now
  end
end

local function read_window(value)
  local index, current, previous = string.match(value or '', '^(%d+) (%d+) (%d+)$')
  return tonumber(index), tonumber(current), tonumber(previous)
end

local function window(value, span, size, cost, lasts)
  local at = floor(now / span)
  local index, current, previous = read_window(value)
  if index == at + 1 then at = index
  elseif index == at - 1 then current, previous = 0, current
  elseif index ~= at then current, previous = 0, 0 end
  if lasts == 1 then previous = 0 end
  local start = at * span
  local fading = ceil(previous * (TICKS - floor(max(now - start, 0) * TICKS / span)) / TICKS)
  local function faded(count, room) return ceil((TICKS - floor(TICKS * room / count)) * span / TICKS) end
  local room, wait = size - cost - current, 0
  if cost > 0 and fading > room then
    if lasts == 1 or cost > size then wait = start + lasts * span - now
    elseif room >= 0 then wait = start + faded(previous, room) - now
    else wait = start + span + faded(current, size - cost) - now end
  end
  return wait, function(taken)
    local count = current + taken
    local full = count > 0 and start + lasts * span or previous > 0 and start + span or now
    return size - count - fading, full, string.format('%.0f %.0f %.0f', at, count, previous), at
  end
end

kinds['fixed-window'] = function(value, span, size, cost) return window(value, span, size, cost, 1) end
kinds['sliding-window'] = function(value, span, size, cost) return window(value, span, size, cost, 2) end
`

/**
 * Takes from all limits or, when one would be exceeded, from none, and reads the keys after them. ARGV: `take`, or `look`
 * to take nothing in any case; how many limits; kind, span, size and cost of each. Answers allowed, remaining, retry
 * and reset in milliseconds and the mark of each limit, then the values.
 */
export const CONSUME = script(`${KINDS}
local granted, count = ARGV[1] == 'take', tonumber(ARGV[2])
local values, waits, settles, costs = redis.call('MGET', unpack(KEYS)), {}, {}, {}
for i = 1, count do
  local at = 4 * i - 1
  costs[i] = tonumber(ARGV[at + 3])
  waits[i], settles[i] = kinds[ARGV[at]](values[i], tonumber(ARGV[at + 1]), tonumber(ARGV[at + 2]), costs[i])
  granted = granted and waits[i] <= 0
end
local answer = {}
for i = 1, count do
  local takes = granted and costs[i] > 0
  local remaining, full, value, mark = settles[i](takes and costs[i] or 0)
  if takes then redis.call('SET', KEYS[i], value, 'PX', ceil((full - now) / 1000) + 1) end
  local base = 5 * i - 4
  answer[base], answer[base + 1] = waits[i] <= 0 and 1 or 0, max(remaining, 0)
  answer[base + 2], answer[base + 3] = max(ceil(waits[i] / 1000), 0), max(ceil((full - now) / 1000), 0)
  answer[base + 4] = mark
end
for i = count + 1, #KEYS do answer[#answer + 1] = values[i] end
return answer`)

/**
 * Gives back what was taken from limits. ARGV: kind, span, cost and mark of each key. Of a bucket's units those that
 * have been refilled since are kept, because the bucket may have been full in between; a window gets them back where
 * they were counted. So nothing is ever granted that would not have been without the taking.
 */
export const GIVE_BACK = script(`${KINDS}
for i, key in ipairs(KEYS) do
  local kind, span, cost, mark = ARGV[4 * i - 3], tonumber(ARGV[4 * i - 2]), tonumber(ARGV[4 * i - 1]), tonumber(ARGV[4 * i])
  local value, ttl = redis.call('GET', key), redis.call('PTTL', key)
  local index, current, previous = read_window(value)
  local after
  if kind == 'token-bucket' then
    local tat = tonumber(value)
    after = tat and string.format('%.0f', tat - max(span * cost - max(now - mark, 0), 0))
  elseif index == mark then
    after = string.format('%.0f %.0f %.0f', index, max(current - cost, 0), previous)
  elseif index == mark + 1 then
    after = string.format('%.0f %.0f %.0f', index, current, max(previous - cost, 0))
  end
  if after and ttl > 0 then redis.call('SET', key, after, 'PX', ttl) end
end
return 0`)

/** Deletes KEYS[1] while its value is ARGV[1]. */
export const DELETE_IF_VALUE =
  script(`if redis.call('GET', KEYS[1]) == ARGV[1] then return redis.call('DEL', KEYS[1]) end
return 0`)

/** Runs a script by its digest and, on a server that has not seen it, which then did nothing, by its text. */
export async function runScript(
  client: Client,
  { text, digest }: Script,
  keys: readonly string[],
  values: readonly (string | number)[],
): Promise<unknown> {
  try {
    return await client.evalsha(digest, keys.length, ...keys, ...values)
  } catch (error) {
    if (!(error instanceof Error && error.message.startsWith('NOSCRIPT'))) throw error
    return client.eval(text, keys.length, ...keys, ...values)
  }
}
