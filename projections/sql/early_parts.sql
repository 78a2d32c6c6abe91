-- Parts that a late credit note gave back before the grant of their coupon, at a point: they belong
-- to no coupon yet, and are part of what a customer's coupons come to. Minor units.
select
  account,
  coupon,
  -coalesce(sum(coupon_used), 0) - coalesce(sum(coupon_forfeited), 0) as amount
from log
where holds = 3 and coupon is not null and :selected
group by account, coupon
having count(coupon_ends) = 0
order by account, coupon
