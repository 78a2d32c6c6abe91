-- Terms of orders at a point, for the views that show or sum them: what an order paid in cash, what
-- ended it before its time, and what of it is earned by then (`kept`).
cancelled as (
  select account, instance, expires_after as term_starts, max(moment) as cancelled
  from log
  where holds >= 2 and type = 'RenewalCancelled' and :selected
  group by account, instance, expires_after
),
closed as (
  select
    account, instance,
    max(effective_at) filter (where type = 'RefundIssued') as refunded_at,
    sum(cash) as refunded
  from log
  where holds >= 2 and :selected
    and (type = 'InstanceReleased' or (type = 'RefundIssued' and reason <> 'renewal'))
  group by account, instance
),
terms as (
  select
    one.account, one.instance, one.moment, one.type, -one.cash as cash,
    one.term_starts, one.term_ends, refunded_at, refunded,
    -- A renewal is cancelled and refunded whole before it begins (R49): it never earns.
    coalesce(cancelled > one.moment, false) as is_void,
    -- A release earns what is left; a refund is shared out below; else by the second.
    case
      when refunded_at is not null then refunded_at
      when closed.account is not null then one.term_ends
      else :seen_at
    end as earned_to
  from log as one
  left join cancelled
    on one.type = 'InstanceRenewed' and cancelled.account = one.account
    and cancelled.instance = one.instance and cancelled.term_starts = one.term_starts
  left join closed on closed.account = one.account and closed.instance = one.instance
  where one.holds >= 2 and one.term_ends is not null and :selected
),
seconds as (
  select
    *,
    cast((earned_to - term_starts - mod(earned_to - term_starts, 1000000)) / 1000000
      as decimal(18, 0)) as gone,
    cast((term_ends - term_starts - mod(term_ends - term_starts, 1000000)) / 1000000
      as decimal(18, 0)) as whole
  from terms
),
-- The share of the seconds that are gone, rounded down. A division may be one of floating point:
-- what a first one misses is few whole shares, which a second one finds exactly.
numbered as (
  select
    *,
    cast(cash as decimal(38, 0)) * gone - mod(cast(cash as decimal(38, 0)) * gone, whole) as wholes
  from seconds
  where not is_void
),
guessed as (
  select *, cast(round(wholes / whole) as decimal(38, 0)) as guess from numbered
),
straight as (
  select
    account, instance, moment, type, refunded_at, refunded, cash,
    case
      when earned_to >= term_ends then cash
      when earned_to <= term_starts then 0
      else cast(guess + round((wholes - guess * whole) / whole) as bigint)
    end as earned
  from guessed
),
-- The terms of a refunded instance keep their cash less the refund: each what it had earned, and
-- the difference goes to the oldest that can take it.
ended as (
  select * from straight where refunded_at is not null
),
difference as (
  select account, instance, sum(cash) - max(refunded) - sum(earned) as more
  from ended
  group by account, instance
),
older as (
  select
    one.account, one.instance, one.moment,
    coalesce(sum(earlier.cash - earlier.earned), 0) as room,
    coalesce(sum(earlier.earned), 0) as kept
  from ended as one
  left join ended as earlier
    on earlier.account = one.account and earlier.instance = one.instance
    and earlier.moment < one.moment
  group by one.account, one.instance, one.moment
),
kept as (
  select account, type, earned from straight where refunded_at is null
  union all
  select
    ended.account, ended.type,
    earned + case
      when more > 0 then greatest(0, least(cash - earned, more - room))
      else -greatest(0, least(earned, -more - kept))
    end as earned
  from ended
  join difference
    on difference.account = ended.account and difference.instance = ended.instance
  join older
    on older.account = ended.account and older.instance = ended.instance
    and older.moment = ended.moment
  union all
  select account, type, 0 as earned from seconds where is_void
),
