-- The terms of orders at a point that earn by the second: neither ended nor closed; and every term of
-- a refunded instance that was changed to a larger sku, whose terms earned into two accounts.
with said as (
  select
    account, instance, type, moment, position, effective_at, cash, reason, expires_after,
    term_starts, term_ends
  from log
  where holds >= 2 and :selected
    and (term_ends is not null or type in ('RenewalCancelled', 'InstanceReleased', 'RefundIssued'))
),
cancelled as (
  select account, instance, expires_after as term_starts, max(moment) as cancelled
  from said
  where type = 'RenewalCancelled'
  group by account, instance, expires_after
),
returned as (
  select account, instance, max(moment) as returned
  from said
  where type = 'RefundIssued' and reason = 'renewal'
  group by account, instance
),
closed as (
  select
    account, instance,
    max(effective_at) filter (where type = 'RefundIssued') as refunded_at,
    sum(cash) as refunded,
    max(effective_at) as closed_at
  from said
  where type = 'InstanceReleased' or (type = 'RefundIssued' and reason <> 'renewal')
  group by account, instance
),
orders as (
  select
    account, instance, min(moment) as first,
    count(*) filter (where type = 'SpecUpgraded') as larger
  from said
  where term_ends is not null
  group by account, instance
)
select
  said.account, said.instance, said.type, said.position, said.term_starts, said.term_ends,
  -said.cash as cash,
  -- A renewal is cancelled and refunded whole before it begins (R49): it never earns.
  coalesce(cancelled > said.moment and returned > said.moment, false) as is_void,
  closed_at is not null as is_closed, refunded_at, refunded
from said
left join cancelled
  on said.type = 'InstanceRenewed' and cancelled.account = said.account
  and cancelled.instance = said.instance and cancelled.term_starts = said.term_starts
left join returned
  on returned.account = said.account and returned.instance = said.instance
left join closed on closed.account = said.account and closed.instance = said.instance
join orders on orders.account = said.account and orders.instance = said.instance
where said.term_ends is not null
  and (
    (larger > 0 and refunded_at is not null)
    or (said.term_ends > :seen_at and closed_at is null
      and not coalesce(cancelled > said.moment and returned > said.moment, false))
  )
order by said.account, first, said.moment
