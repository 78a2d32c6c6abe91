-- Every account's money at a point. Minor units; -1 stands for "not overdue" in a last value.
with selected as (
  select * from log
  where account is not null
    and effective_at <= :at and recorded_at <= :known_at and position <= :position
),
money as (
  select
    account,
    max_by(currency, moment) filter (where currency is not null) as currency,
    sum(cash) as cash,
    sum(outstanding) as outstanding,
    max_by(overdue_after, moment) filter (where overdue_after is not null) as overdue_after
  from selected
  group by account
),
coupons as (
  -- A part that a late credit note gave back before the grant belongs to no coupon yet.
  select account, coupon, sum(coupon_amount - coupon_used - coupon_forfeited) as remaining
  from selected
  where coupon is not null
  group by account, coupon
  having count(coupon_ends) > 0
),
left_to_use as (
  select account, sum(remaining) as coupons from coupons group by account
)
select
  money.account,
  currency,
  cash,
  outstanding,
  cash - outstanding as available,
  coalesce(coupons, 0) as coupons,
  case when overdue_after = -1 then null else overdue_after end as overdue_since
from money
left join left_to_use on left_to_use.account = money.account
where currency is not null
order by money.account
