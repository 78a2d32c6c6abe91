-- Every coupon at a point: amount = used + remaining + forfeited. Minor units.
with summed as (
  select
    account,
    coupon,
    coalesce(sum(coupon_amount), 0) as amount,
    coalesce(sum(coupon_used), 0) as used,
    coalesce(sum(coupon_forfeited), 0) as forfeited,
    max(coupon_starts) as starts,
    max(coupon_ends) as ends
  from log
  where holds = 3 and coupon is not null and :selected
  group by account, coupon
)
select
  account,
  coupon,
  cast(amount as bigint) as amount,
  cast(used as bigint) as used,
  cast(amount - used - forfeited as bigint) as remaining,
  cast(forfeited as bigint) as forfeited,
  starts,
  ends
from summed
where ends is not null
order by account, coupon
