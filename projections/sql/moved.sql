-- What was moved at a point, for the books (docs/BOOKS.md): a line for every account, and one for
-- every type of event, channel and product. Minor units; round_down counts 10^-10 major units. Of
-- one type a column never changes its sign, so a sum of 0 says that nothing was moved; what may add
-- up to 0 among types has its largest movement beside it.
with currencies as (
  select account, max(currency) as currency
  from log
  where holds = 3 and currency is not null and :selected
  group by account
),
summed as (
  select
    account, type, channel, product,
    coalesce(sum(cash), 0) as cash,
    coalesce(sum(outstanding), 0) as outstanding,
    coalesce(sum(shortfall), 0) as shortfall,
    coalesce(sum(round_down), 0) as round_down,
    coalesce(sum(coupon_amount), 0) as granted,
    coalesce(sum(coupon_used), 0) as used,
    coalesce(sum(coupon_forfeited), 0) as forfeited
  from log
  where holds >= 1 and :selected
  group by account, type, channel, product
),
moved as (
  select
    summed.*, currency, granted - used - forfeited as coupons,
    case when type = 'DebtRecorded' then outstanding else 0 end as debt
  from summed
  join currencies on currencies.account = summed.account
),
by_either as (
  select
    account, currency, null as type, null as channel, null as product,
    sum(cash) as cash, sum(outstanding) as outstanding, sum(shortfall) as shortfall,
    sum(debt) as debt, 0 as round_down, 0 as granted, 0 as used, 0 as forfeited,
    sum(coupons) as coupons, max(abs(cash)) as most_cash, max(abs(outstanding)) as most_outstanding,
    max(abs(shortfall) + abs(debt)) as most_reversed, max(abs(coupons)) as most_coupons
  from moved
  group by account, currency
  union all
  select
    null, currency, type, channel, product,
    sum(cash), sum(outstanding), sum(shortfall),
    sum(debt), sum(round_down), sum(granted), sum(used), sum(forfeited),
    sum(coupons), 0, 0, 0, 0
  from moved
  group by currency, type, channel, product
)
select * from by_either
order by
  coalesce(account, ''), currency, coalesce(type, ''), coalesce(channel, ''), coalesce(product, '')
