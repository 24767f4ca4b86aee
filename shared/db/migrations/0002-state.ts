import type { Migration } from './table.ts'

// Unlogged: nothing is written ahead, and the content is gone after a crash, as the state store's users expect.
const VALUES = `create unlogged table state (
  key text collate "C" primary key,
  value bytea not null,
  expires_at timestamptz not null
)`

const VALUES_EXPIRY = 'create index state_expiry on state (expires_at)'

// `tat` is the theoretical arrival time of GCRA, in microseconds since the epoch. It changes with every call, so an
// index on it would cost more than the scan that sweeps the cells.
const CELLS = `create unlogged table state_cells (
  key text collate "C" primary key,
  tat bigint not null
) with (fillfactor = 50)`

/**
 * GCRA over several cells at once: takes from all of them or, when one would be exceeded, from none. Rows are locked
 * in the order of their keys, so that two calls over the same cells never wait for each other in a circle, and the
 * clock is read after the locks are held. All times are whole microseconds.
 */
const CONSUME = `create function state_consume(keys text[], intervals bigint[], bursts bigint[], costs bigint[])
returns table (allowed boolean, remaining bigint, retry_us bigint, reset_us bigint)
language plpgsql as $$
declare
  tats bigint[];
  moment bigint;
  free bigint;
  granted boolean := true;
begin
  loop
    select array_agg(held.tat order by held.place) into tats from (
      select cell.tat, wanted.place
      from unnest(keys) with ordinality as wanted (key, place)
      join state_cells as cell on cell.key = wanted.key
      order by cell.key
      for update of cell
    ) as held;
    exit when coalesce(array_length(tats, 1), 0) = array_length(keys, 1);
    insert into state_cells (key, tat)
      select wanted.key, 0 from unnest(keys) as wanted (key) order by wanted.key
      on conflict do nothing;
  end loop;
  moment := (extract(epoch from clock_timestamp()) * 1000000)::bigint;
  for i in 1 .. array_length(keys, 1) loop
    tats[i] := greatest(tats[i], moment);
    granted := granted and tats[i] + intervals[i] * (costs[i] - bursts[i]) <= moment;
  end loop;
  for i in 1 .. array_length(keys, 1) loop
    allowed := tats[i] + intervals[i] * (costs[i] - bursts[i]) <= moment;
    retry_us := greatest(tats[i] + intervals[i] * (costs[i] - bursts[i]) - moment, 0);
    if granted and costs[i] > 0 then
      tats[i] := tats[i] + intervals[i] * costs[i];
      update state_cells as cell set tat = tats[i] where cell.key = keys[i];
    end if;
    free := moment - tats[i] + intervals[i] * bursts[i];
    remaining := greatest(free / intervals[i], 0);
    reset_us := tats[i] - moment;
    return next;
  end loop;
end
$$`

/** What the state store keeps in PostgreSQL where there is no Redis. MySQL has no part in it. */
export const state: Migration = {
  name: '0002-state',
  statements: (dialect) => (dialect === 'postgres' ? [VALUES, VALUES_EXPIRY, CELLS, CONSUME] : []),
}
