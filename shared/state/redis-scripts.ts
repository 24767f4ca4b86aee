import { createHash } from 'node:crypto'

/** A Lua script and the digest that names it to a server which has seen it before. */
export interface Script {
  readonly text: string
  readonly digest: string
}

function script(text: string): Script {
  return { text, digest: createHash('sha1').update(text).digest('hex') }
}

/**
 * GCRA over several cells at once: takes from all of them or, when one would be exceeded, from none. The time is the
 * server's, in whole microseconds, which a double holds exactly. ARGV: interval, burst, cost of each key in turn.
 * Answers allowed, remaining, retry and reset in milliseconds for each key in turn.
 */
export const CONSUME = script(`local time = redis.call('TIME')
local now = time[1] * 1000000 + time[2]
local cells, granted = {}, true
for i, key in ipairs(KEYS) do
  local interval, burst, cost = tonumber(ARGV[3 * i - 2]), tonumber(ARGV[3 * i - 1]), tonumber(ARGV[3 * i])
  local tat = math.max(tonumber(redis.call('GET', key) or now) or now, now)
  local wait = tat + interval * (cost - burst) - now
  granted = granted and wait <= 0
  cells[i] = { interval, burst, cost, tat, wait }
end
local answer = {}
for i, key in ipairs(KEYS) do
  local interval, burst, cost, tat, wait = unpack(cells[i])
  if granted and cost > 0 then
    tat = tat + interval * cost
    redis.call('SET', key, string.format('%.0f', tat), 'PX', math.ceil((tat - now) / 1000) + 1)
  end
  answer[#answer + 1] = wait <= 0 and 1 or 0
  answer[#answer + 1] = math.max(math.floor((now - tat + interval * burst) / interval), 0)
  answer[#answer + 1] = math.max(math.ceil(wait / 1000), 0)
  answer[#answer + 1] = math.ceil((tat - now) / 1000)
end
return answer`)

/** Deletes KEYS[1] while its value is ARGV[1]. */
export const DELETE_IF_VALUE =
  script(`if redis.call('GET', KEYS[1]) == ARGV[1] then return redis.call('DEL', KEYS[1]) end
return 0`)
