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

-- What is stored is MessagePack (docs/PROOF.md): a number of some bytes, the highest first.
CREATE OR REPLACE FUNCTION @views@.unpacked_number(body bytea, place integer, bytes integer)
    RETURNS numeric LANGUAGE plpgsql IMMUTABLE AS $$
DECLARE
    made numeric := 0;
BEGIN
    FOR step IN 0 .. bytes - 1 LOOP
        made := made * 256 + get_byte(body, place + step);
    END LOOP;
    RETURN made;
END $$;

-- One value that begins at a place of a body, and the place after it.
CREATE OR REPLACE FUNCTION @views@.unpacked(
    body bytea, place integer, OUT made jsonb, OUT behind integer
) LANGUAGE plpgsql IMMUTABLE AS $$
DECLARE
    tag integer := get_byte(body, place);
    bytes integer := 0;
    size integer;
    part record;
    name text;
BEGIN
    behind := place + 1;
    IF tag < 128 THEN made := to_jsonb(tag); RETURN; END IF;
    IF tag >= 224 THEN made := to_jsonb(tag - 256); RETURN; END IF;
    IF tag = 192 THEN made := 'null'; RETURN; END IF;
    IF tag IN (194, 195) THEN made := to_jsonb(tag = 195); RETURN; END IF;
    IF tag BETWEEN 204 AND 211 THEN
        bytes := 1 << (tag & 3);
        made := to_jsonb(@views@.unpacked_number(body, behind, bytes)
            - CASE WHEN tag >= 208 AND get_byte(body, behind) >= 128
                THEN power(256::numeric, bytes) ELSE 0 END);
        behind := behind + bytes;
        RETURN;
    END IF;
    IF tag < 160 THEN size := tag & 15;
    ELSIF tag < 192 THEN size := tag & 31;
    ELSE
        bytes := CASE WHEN tag IN (217, 196) THEN 1 WHEN tag IN (218, 197, 220, 222) THEN 2
            WHEN tag IN (219, 198, 221, 223) THEN 4 END;
        IF bytes IS NULL THEN RAISE EXCEPTION 'byte % does not begin a value', tag; END IF;
        size := @views@.unpacked_number(body, behind, bytes);
        behind := behind + bytes;
    END IF;
    IF tag BETWEEN 196 AND 198 THEN
        made := to_jsonb(encode(substr(body, behind + 1, size), 'hex'));
        behind := behind + size;
    ELSIF tag BETWEEN 160 AND 191 OR tag BETWEEN 217 AND 219 THEN
        made := to_jsonb(convert_from(substr(body, behind + 1, size), 'UTF8'));
        behind := behind + size;
    ELSIF tag BETWEEN 144 AND 159 OR tag IN (220, 221) THEN
        made := '[]';
        FOR step IN 1 .. size LOOP
            SELECT * INTO part FROM @views@.unpacked(body, behind);
            made := made || jsonb_build_array(part.made);
            behind := part.behind;
        END LOOP;
    ELSE
        made := '{}';
        FOR step IN 1 .. size LOOP
            SELECT * INTO part FROM @views@.unpacked(body, behind);
            name := part.made #>> '{}';
            SELECT * INTO part FROM @views@.unpacked(body, part.behind);
            made := made || jsonb_build_object(name, part.made);
            behind := part.behind;
        END LOOP;
    END IF;
END $$;

-- One event whole, as it is stored: amounts in minor units, instants in microseconds of UTC. A
-- function, so that only the events that a query shows are unpacked:
--   SELECT position, @views@.event(position) -> 'event' FROM @views@.events WHERE account = 'a-1';
CREATE OR REPLACE FUNCTION @views@.event("position" bigint) RETURNS jsonb
    LANGUAGE sql STABLE SECURITY DEFINER SET search_path = @ledger@, pg_temp AS $$
    SELECT u.made FROM stored_events AS e, @views@.unpacked(e.state, 0) AS u
    WHERE e.position = event.position
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
