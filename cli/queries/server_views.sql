-- Views over a ledger on PostgreSQL, in the schema @views@: the rows that `tally sql` gives at the
-- head, without tally. Run it as the owner of the database; again after an update of tally.
-- The functions read with the rights of their owner, so a reader needs none on the ledger itself.
-- They are found again at each call: `tally projections rebuild` may change tables under them.
BEGIN;
SET LOCAL check_function_bodies = off; -- stored views are built by the first `tally balances`
CREATE SCHEMA IF NOT EXISTS @views@;
REVOKE CREATE ON SCHEMA @views@ FROM PUBLIC;

CREATE OR REPLACE FUNCTION @views@.digits(currency text) RETURNS integer
    LANGUAGE sql IMMUTABLE AS $$ SELECT CASE currency @digits@ ELSE 2 END $$;

CREATE OR REPLACE FUNCTION @views@.money(minor bigint, currency text) RETURNS numeric
    LANGUAGE sql IMMUTABLE AS $$
    SELECT round(minor / power(10::numeric, @views@.digits(currency)), @views@.digits(currency))
$$;

CREATE OR REPLACE FUNCTION @views@.instant(microseconds bigint) RETURNS timestamptz
    LANGUAGE sql IMMUTABLE AS $$
    SELECT timestamptz 'epoch' + microseconds * interval '1 microsecond'
$$;

-- How far the stored views have come: they are behind until the next command of tally.
CREATE OR REPLACE FUNCTION @views@.read_standing()
    RETURNS TABLE (view text, "position" bigint, head bigint)
    LANGUAGE sql STABLE SECURITY DEFINER SET search_path = @ledger@, pg_temp AS $$
    SELECT c.name, c.position, (SELECT max(e.position) FROM stored_events AS e)
    FROM checkpoints AS c ORDER BY c.name
$$;

CREATE OR REPLACE FUNCTION @views@.read_events()
    RETURNS TABLE ("position" bigint, account text, version bigint, type text,
        effective_at timestamptz, recorded_at timestamptz, sha256 text)
    LANGUAGE sql STABLE SECURITY DEFINER SET search_path = @ledger@, pg_temp AS $$
    SELECT position, CASE WHEN originator_id LIKE 'account:%' THEN substr(originator_id, 9) END,
        originator_version, split_part(topic, '/', 1), @views@.instant(effective_at),
        @views@.instant(recorded_at), encode(sha256(state), 'hex')
    FROM stored_events
$$;

CREATE OR REPLACE FUNCTION @views@.read_accounts()
    RETURNS TABLE (account text, currency text, opened_at timestamptz, version bigint)
    LANGUAGE sql STABLE SECURITY DEFINER SET search_path = @ledger@, pg_temp AS $$
    SELECT b.account, b.currency,
        (SELECT @views@.instant(min(e.effective_at)) FROM stored_events AS e
         WHERE e.originator_id = 'account:' || b.account AND e.topic LIKE 'AccountOpened/%'),
        (SELECT max(e.originator_version) FROM stored_events AS e
         WHERE e.originator_id = 'account:' || b.account)
    FROM view_balances AS b
$$;

CREATE OR REPLACE FUNCTION @views@.read_balances()
    RETURNS TABLE (account text, currency text, cash numeric, outstanding numeric,
        available numeric, coupons numeric, overdue boolean, overdue_since timestamptz)
    LANGUAGE sql STABLE SECURITY DEFINER SET search_path = @ledger@, pg_temp AS $$
    SELECT account, currency, @views@.money(cash, currency), @views@.money(outstanding, currency),
        @views@.money(available, currency), @views@.money(coupons, currency),
        overdue_since IS NOT NULL, @views@.instant(overdue_since)
    FROM view_balances
$$;

CREATE OR REPLACE FUNCTION @views@.read_instances()
    RETURNS TABLE (account text, instance text, kind text, state text, sku text,
        expires_at timestamptz, releases_at timestamptz, restored_at timestamptz,
        auto_renew boolean, auto_months bigint, next_attempt_at timestamptz)
    LANGUAGE sql STABLE SECURITY DEFINER SET search_path = @ledger@, pg_temp AS $$
    SELECT account, instance, kind, state, sku, @views@.instant(expires_at),
        @views@.instant(releases_at), @views@.instant(restored_at), auto_renew <> 0, auto_months,
        @views@.instant(next_attempt_at)
    FROM view_instances
$$;

CREATE OR REPLACE FUNCTION @views@.read_coupons()
    RETURNS TABLE (account text, coupon text, currency text, amount numeric, used numeric,
        forfeited numeric, remaining numeric, starts timestamptz, ends timestamptz)
    LANGUAGE sql STABLE SECURITY DEFINER SET search_path = @ledger@, pg_temp AS $$
    SELECT c.account, c.coupon, b.currency, @views@.money(c.amount, b.currency),
        @views@.money(c.used, b.currency), @views@.money(c.forfeited, b.currency),
        @views@.money(c.remaining, b.currency), @views@.instant(c.starts), @views@.instant(c.ends)
    FROM view_coupons AS c JOIN view_balances AS b USING (account)
$$;

CREATE OR REPLACE FUNCTION @views@.read_bills()
    RETURNS TABLE (account text, bill text, currency text, instance text, product text,
        cycle_start timestamptz, cycle_end timestamptz, posted_at timestamptz, late boolean,
        amount numeric, coupons_paid numeric, cash_paid numeric, credited numeric,
        outstanding numeric)
    LANGUAGE sql STABLE SECURITY DEFINER SET search_path = @ledger@, pg_temp AS $$
    SELECT v.account, v.bill, b.currency, v.instance, v.product, @views@.instant(v.cycle_start),
        @views@.instant(v.cycle_end), @views@.instant(v.posted_at), v.late <> 0,
        @views@.money(v.amount, b.currency), @views@.money(v.coupons_paid, b.currency),
        @views@.money(v.cash_paid, b.currency), @views@.money(v.credited, b.currency),
        @views@.money(v.outstanding, b.currency)
    FROM view_bills AS v JOIN view_balances AS b USING (account)
$$;

CREATE OR REPLACE FUNCTION @views@.read_overdue()
    RETURNS TABLE (account text, currency text, outstanding numeric, overdue_since timestamptz,
        oldest text, items bigint)
    LANGUAGE sql STABLE SECURITY DEFINER SET search_path = @ledger@, pg_temp AS $$
    SELECT o.account, b.currency, @views@.money(o.outstanding, b.currency),
        @views@.instant(o.overdue_since), o.item, o.items
    FROM view_overdue AS o JOIN view_balances AS b USING (account)
$$;

CREATE OR REPLACE VIEW @views@.standing AS SELECT * FROM @views@.read_standing();
CREATE OR REPLACE VIEW @views@.events AS SELECT * FROM @views@.read_events();
CREATE OR REPLACE VIEW @views@.accounts AS SELECT * FROM @views@.read_accounts();
CREATE OR REPLACE VIEW @views@.balances AS SELECT * FROM @views@.read_balances();
CREATE OR REPLACE VIEW @views@.instances AS SELECT * FROM @views@.read_instances();
CREATE OR REPLACE VIEW @views@.coupons AS SELECT * FROM @views@.read_coupons();
CREATE OR REPLACE VIEW @views@.bills AS SELECT * FROM @views@.read_bills();
CREATE OR REPLACE VIEW @views@.overdue AS SELECT * FROM @views@.read_overdue();

REVOKE ALL ON ALL FUNCTIONS IN SCHEMA @views@ FROM PUBLIC;
COMMIT;
