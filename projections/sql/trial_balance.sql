-- Every account of the books at a point, from the columns alone (docs/BOOKS.md); debit is plus.
-- Minor units; round_down beside them counts 10^-10 major units. Of one type of event a column
-- never changes its sign, so a sum of 0 says that nothing was posted.
with currencies as (
  select account, max(currency) as currency
  from log
  where holds = 3 and currency is not null and :selected
  group by account
),
moved as (
  select
    account, type, channel, product,
    coalesce(sum(cash), 0) as cash,
    coalesce(sum(outstanding), 0) as outstanding,
    coalesce(sum(shortfall), 0) as shortfall,
    coalesce(sum(round_down), 0) as round_down,
    coalesce(sum(coupon_amount), 0) as coupon_amount,
    coalesce(sum(coupon_used), 0) as coupon_used,
    coalesce(sum(coupon_forfeited), 0) as coupon_forfeited
  from log
  where holds >= 1 and :selected
  group by account, type, channel, product
),
:with terms
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
  select 'Income:Usage', product, account, cash - outstanding - coupon_used, 0 from moved
  where type = 'CreditNoteIssued' and cash - outstanding - coupon_used <> 0
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
