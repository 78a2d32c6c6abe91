-- Every instance at a point: the last value of each field, and when it was released.
-- -1 and '' stand for "none" in a last value.
with last as (
  select
    account,
    instance,
    max_by(kind_after, moment) filter (where kind_after is not null) as kind,
    max_by(state_after, moment) filter (where state_after is not null) as state,
    max_by(sku_after, moment) filter (where sku_after is not null) as sku,
    max_by(expires_after, moment) filter (where expires_after is not null) as expires_at,
    max(effective_at) filter (where state_after = 'released') as released_at,
    max(effective_at) filter (where state_after = 'restoring') as restoring_since,
    max_by(restored_after, moment) filter (where state_after is not null) as restored_at,
    max_by(auto_after, moment) filter (where auto_after is not null) as auto_enabled,
    max_by(auto_months_after, moment) filter (where auto_months_after is not null)
      as auto_months,
    max_by(slots_from_after, moment) filter (where slots_from_after is not null)
      as slots_from,
    max_by(slot_last_after, moment) filter (where slot_last_after is not null) as slot_last
  from log
  where holds >= 2 and instance is not null and :selected
  group by account, instance
),
renewed as (
  select account, instance, auto_start
  from log
  where holds >= 2 and auto_start is not null and :selected
  group by account, instance, auto_start
)
select
  last.account,
  last.instance,
  kind,
  state,
  nullif(sku, '') as sku,
  nullif(expires_at, -1) as expires_at,
  released_at,
  restoring_since,
  nullif(restored_at, -1) as restored_at,
  auto_enabled,
  nullif(auto_months, 0) as auto_months,
  slots_from,
  nullif(slot_last, -1) as slot_last,
  auto_start
from last
left join renewed
  on renewed.account = last.account and renewed.instance = last.instance
  and renewed.auto_start = last.expires_at
where kind is not null
order by last.account, last.instance
