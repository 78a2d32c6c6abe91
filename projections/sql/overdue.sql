-- Every account that is overdue at a point, since when and since which item.
with selected as (
  select * from log
  where account is not null
    and effective_at <= :at and recorded_at <= :known_at and position <= :position
),
last as (
  select
    account,
    max_by(overdue_after, moment) filter (where overdue_after is not null) as overdue_since,
    max_by(item_after, moment) filter (where overdue_after is not null) as item,
    sum(outstanding) as outstanding
  from selected
  group by account
)
select account, overdue_since, item, cast(outstanding as bigint) as outstanding
from last
where overdue_since is not null and overdue_since <> -1
order by account
