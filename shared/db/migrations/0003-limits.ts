import type { Migration } from './table.ts'

// A window's cell: its number since the epoch and the units taken in it and in the one before. `tat` is the moment at
// which the whole limit is available again for every kind, so that one sweep serves them all. A bucket's cell has no number.
const COLUMNS = `alter table state_cells
  add column window_index bigint,
  add column taken bigint not null default 0,
  add column taken_before bigint not null default 0`

/**
 * Takes from limits of all kinds at once, or from none when one would be exceeded; `state_consume` of the step before
 * stays for instances that were started earlier. Rows are locked in the order of their keys, so that two calls over the
 * same cells never wait for each other in a circle, and the clock is read after the locks are held. All times are whole
 * microseconds. The window before fades in 4096 steps: every store reckons alike.
 */
const TAKE = `create function state_take(kinds text[], keys text[], spans bigint[], sizes bigint[], costs bigint[])
returns table (allowed boolean, remaining bigint, retry_us bigint, reset_us bigint)
language plpgsql as $$
declare
  ticks constant bigint := 4096;
  fulls bigint[];
  indexes bigint[];
  counts bigint[];
  befores bigint[];
  waits bigint[];
  fadings bigint[];
  moment bigint;
  starts bigint;
  room bigint;
  lasts bigint;
  granted boolean := true;
begin
  loop
    select array_agg(held.tat order by held.place), array_agg(held.window_index order by held.place),
        array_agg(held.taken order by held.place), array_agg(held.taken_before order by held.place)
      into fulls, indexes, counts, befores from (
      select cell.tat, cell.window_index, cell.taken, cell.taken_before, wanted.place
      from unnest(keys) with ordinality as wanted (key, place)
      join state_cells as cell on cell.key = wanted.key
      order by cell.key
      for update of cell
    ) as held;
    exit when coalesce(array_length(fulls, 1), 0) = array_length(keys, 1);
    insert into state_cells (key, tat)
      select wanted.key, 0 from unnest(keys) as wanted (key) order by wanted.key
      on conflict do nothing;
  end loop;
  moment := (extract(epoch from clock_timestamp()) * 1000000)::bigint;
  for i in 1 .. array_length(keys, 1) loop
    if kinds[i] = 'token-bucket' then
      fulls[i] := case when indexes[i] is null
        then least(greatest(fulls[i], moment), moment + spans[i] * sizes[i]) else moment end;
      indexes[i] := null;
      waits[i] := fulls[i] + spans[i] * (costs[i] - sizes[i]) - moment;
    else
      lasts := case kinds[i] when 'fixed-window' then 1 else 2 end;
      starts := moment / spans[i];
      if indexes[i] = starts + 1 then
        starts := indexes[i];
      elsif indexes[i] = starts - 1 then
        befores[i] := counts[i];
        counts[i] := 0;
      elsif indexes[i] is distinct from starts then
        befores[i] := 0;
        counts[i] := 0;
      end if;
      if lasts = 1 then
        befores[i] := 0;
      end if;
      indexes[i] := starts;
      starts := starts * spans[i];
      fadings[i] := (befores[i] * (ticks - greatest(moment - starts, 0) * ticks / spans[i]) + ticks - 1) / ticks;
      room := sizes[i] - costs[i] - counts[i];
      if costs[i] = 0 or fadings[i] <= room then
        waits[i] := 0;
      elsif lasts = 1 or costs[i] > sizes[i] then
        waits[i] := starts + lasts * spans[i] - moment;
      elsif room >= 0 then
        waits[i] := starts + ((ticks - ticks * room / befores[i]) * spans[i] + ticks - 1) / ticks - moment;
      else
        waits[i] := starts + spans[i] - moment
          + ((ticks - ticks * (sizes[i] - costs[i]) / counts[i]) * spans[i] + ticks - 1) / ticks;
      end if;
    end if;
    granted := granted and waits[i] <= 0;
  end loop;
  for i in 1 .. array_length(keys, 1) loop
    if kinds[i] = 'token-bucket' then
      if granted then
        fulls[i] := fulls[i] + spans[i] * costs[i];
      end if;
      remaining := greatest(sizes[i] - (fulls[i] - moment + spans[i] - 1) / spans[i], 0);
    else
      if granted then
        counts[i] := counts[i] + costs[i];
      end if;
      lasts := case when counts[i] = 0 then least(befores[i], 1) when kinds[i] = 'fixed-window' then 1 else 2 end;
      fulls[i] := case lasts when 0 then moment else (indexes[i] + lasts) * spans[i] end;
      remaining := greatest(sizes[i] - counts[i] - fadings[i], 0);
    end if;
    if granted and costs[i] > 0 then
      update state_cells as cell
        set tat = fulls[i], window_index = indexes[i], taken = counts[i], taken_before = befores[i]
        where cell.key = keys[i];
    end if;
    allowed := waits[i] <= 0;
    retry_us := greatest(waits[i], 0);
    reset_us := greatest(fulls[i] - moment, 0);
    return next;
  end loop;
end
$$`

/** Windows beside the token buckets of the state store in PostgreSQL. */
export const limits: Migration = {
  name: '0003-limits',
  statements: (dialect) => (dialect === 'postgres' ? [COLUMNS, TAKE] : []),
}
