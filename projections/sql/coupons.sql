-- Every coupon at a point: amount = used + remaining + forfeited. Minor units.
with selected as (
  select * from log
  where coupon is not null
    and effective_at <= :at and recorded_at <= :known_at and position <= :position
)
select
  account,
  coupon,
  cast(sum(coupon_amount) as bigint) as amount,
  cast(sum(coupon_used) as bigint) as used,
  cast(sum(coupon_amount - coupon_used - coupon_forfeited) as bigint) as remaining,
  cast(sum(coupon_forfeited) as bigint) as forfeited,
  max(coupon_starts) as starts,
  max(coupon_ends) as ends
from selected
group by account, coupon
having count(coupon_ends) > 0
order by account, coupon
