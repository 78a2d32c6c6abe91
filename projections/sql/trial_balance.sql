-- Every account of the books at a point, from the columns alone (docs/BOOKS.md); debit is plus.
-- Minor units; round_down beside them counts 10^-10 major units. Of one type of event a column
-- never changes its sign, so a sum of 0 says that nothing was posted.
with selected as (
  select * from log
  where account is not null
    and effective_at <= :at and recorded_at <= :known_at and position <= :position
),
currencies as (
  select account, max(currency) as currency
  from selected
  where currency is not null
  group by account
),
moved as (
  select
    account, type, channel, product,
    sum(cash) as cash,
    sum(outstanding) as outstanding,
    sum(shortfall) as shortfall,
    sum(round_down) as round_down,
    sum(coupon_amount) as coupon_amount,
    sum(coupon_used) as coupon_used,
    sum(coupon_forfeited) as coupon_forfeited
  from selected
  group by account, type, channel, product
),
notes as (
  select account, bill, sum(cash - outstanding - coupon_used) as amount
  from selected
  where type = 'CreditNoteIssued'
  group by account, bill
),
credited as (
  select notes.account, posted.product, notes.amount
  from notes
  join selected as posted
    on posted.account = notes.account and posted.bill = notes.bill
    and posted.type = 'BillPosted'
),
-- Terms: what an order paid in cash, and what ended it before its time.
cancelled as (
  select account, instance, expires_after as term_starts, max(moment) as cancelled
  from selected
  where type = 'RenewalCancelled'
  group by account, instance, expires_after
),
closed as (
  select
    account, instance,
    max(effective_at) filter (where type = 'RefundIssued') as refunded_at,
    sum(cash) as refunded
  from selected
  where type = 'InstanceReleased' or (type = 'RefundIssued' and reason <> 'renewal')
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
  from selected as one
  left join cancelled
    on one.type = 'InstanceRenewed' and cancelled.account = one.account
    and cancelled.instance = one.instance and cancelled.term_starts = one.term_starts
  left join closed on closed.account = one.account and closed.instance = one.instance
  where one.term_ends is not null
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
earned as (
  select account, type, sum(earned) as earned from kept group by account, type
),
posted as (
  select 'Assets:PSP' as root, channel as owner, account,
    cash + case when type = 'TopUpReversed' then -shortfall else 0 end as minor, 0 as fraction
  from moved where channel is not null
  union all
  select 'Assets:Receivable', account, account, outstanding, 0 from moved where outstanding <> 0
  union all
  select 'Assets:Clearing:Reversal', account, account, shortfall, 0 from moved
  where shortfall <> 0
  union all
  select 'Assets:Clearing:Reversal', account, account, -outstanding, 0 from moved
  where type = 'DebtRecorded' and outstanding <> 0
  union all
  select 'Liabilities:Wallet', account, account, -cash, 0 from moved where cash <> 0
  union all
  select 'Liabilities:Deferred', 'iot_enterprise', account, cash, 0 from moved
  where cash <> 0 and type in ('InstancePurchased', 'InstanceRenewed', 'UpgradedToEnterprise',
    'SpecUpgraded', 'RefundIssued')
  union all
  select 'Liabilities:Deferred', 'iot_enterprise', account, earned, 0 from earned
  union all
  select
    case when type = 'SpecUpgraded' then 'Income:Fees:Upgrade' else 'Income:Subscription' end,
    case when type = 'SpecUpgraded' then '' else 'iot_enterprise' end,
    account, -earned, 0
  from earned
  union all
  select 'Income:Usage', product, account, -outstanding, -round_down from moved
  where type = 'BillPosted' and (outstanding <> 0 or round_down <> 0)
  union all
  select 'Income:Usage', product, account, amount, 0 from credited where amount <> 0
  union all
  select 'Income:Discount:RoundDown', '', account, 0, round_down from moved
  where round_down <> 0
  union all
  select 'Income:Discount:Coupon', '', account, coupon_used, 0 from moved
  where coupon_used <> 0 and type in ('BillSettled', 'CreditNoteIssued')
  union all
  select 'Equity:Coupon:Granted', '', account, -coupon_amount, 0 from moved
  where coupon_amount <> 0
  union all
  select 'Equity:Coupon:Outstanding', account, account,
    coupon_amount - coupon_used - coupon_forfeited, 0
  from moved where coupon_amount - coupon_used - coupon_forfeited <> 0
  union all
  select 'Equity:Coupon:Redeemed', '', account, coupon_used, 0 from moved
  where coupon_used <> 0 and type <> 'CreditNoteIssued'
  union all
  select 'Equity:Coupon:Forfeited', '', account, coupon_forfeited, 0 from moved
  where coupon_forfeited <> 0
  union all
  select 'Equity:Coupon:Restored', '', account, coupon_used, 0 from moved
  where coupon_used <> 0 and type = 'CreditNoteIssued'
)
select
  root,
  owner,
  currency,
  sum(minor) as minor,
  sum(fraction) as fraction
from posted
join currencies on currencies.account = posted.account
group by root, owner, currency
order by root, owner, currency
