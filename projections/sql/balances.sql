-- Every account's money at a point. Minor units; -1 stands for "not overdue" in a last value.
-- A line holds money (1), also facts of an instance (2), or facts of the account itself (3).
with money as (
  select account, sum(cash) as cash, sum(outstanding) as outstanding
  from log
  where holds >= 1 and :selected
  group by account
),
said as (
  -- A part that a late credit note gave back before the grant belongs to no coupon yet.
  select
    account,
    coupon,
    max(currency) as currency,
    max_by(overdue_after, moment) filter (where overdue_after is not null) as overdue_after,
    coalesce(sum(coupon_amount), 0) - coalesce(sum(coupon_used), 0)
      - coalesce(sum(coupon_forfeited), 0) as remaining,
    count(coupon_ends) as granted
  from log
  where holds = 3 and :selected
  group by account, coupon
),
parts as (
  select account, null as currency, cash, outstanding, 0 as coupons, null as overdue_after
  from money
  union all
  select account, currency, 0, 0, case when granted > 0 then remaining else 0 end, overdue_after
  from said
)
select
  account,
  max(currency) as currency,
  cast(coalesce(sum(cash), 0) as bigint) as cash,
  cast(coalesce(sum(outstanding), 0) as bigint) as outstanding,
  cast(coalesce(sum(cash), 0) - coalesce(sum(outstanding), 0) as bigint) as available,
  cast(sum(coupons) as bigint) as coupons,
  max(case when overdue_after = -1 then null else overdue_after end) as overdue_since
from parts
group by account
having max(currency) is not null
order by account
