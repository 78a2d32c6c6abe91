-- Every account that is overdue at a point, since when and since which item.
with last as (
  select
    account,
    max_by(overdue_after, moment) as overdue_since,
    max_by(item_after, moment) as item
  from log
  where holds = 3 and overdue_after is not null and :selected
  group by account
),
owed as (
  select account, sum(outstanding) as outstanding
  from log
  where holds >= 1 and outstanding is not null and :selected
  group by account
)
select last.account, overdue_since, item, cast(coalesce(outstanding, 0) as bigint) as outstanding
from last
left join owed on owed.account = last.account
where overdue_since <> -1
order by last.account
