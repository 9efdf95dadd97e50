-- Roles for the user service's database: users_owner migrates, users_app serves, users_backup reads all for
-- `make backup`. Run it once, as a superuser, and again after a restore with another login than users_owner's:
--     psql --dbname=users_db --file=ops/roles.sql
--     psql --dbname=users_db --command='\password users_owner' --command='\password users_app' \
--         --command='\password users_backup'
-- then, at every upgrade and before the service starts:
--     DB_USERNAME=users_owner DB_PASSWORD=... python -m ops.migrate
-- The service itself gets users_app's login, which reads and writes rows and can't change, drop or truncate a table.
DO $$
DECLARE
    made text;
BEGIN
    FOREACH made IN ARRAY ARRAY['users_owner', 'users_app', 'users_backup'] LOOP
        IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = made) THEN
            EXECUTE format('CREATE ROLE %I LOGIN', made);
        END IF;
        EXECUTE format('GRANT CONNECT ON DATABASE %I TO %I', current_database(), made);
    END LOOP;
    EXECUTE format('REVOKE ALL ON DATABASE %I FROM PUBLIC', current_database());
END $$;

REVOKE ALL ON SCHEMA public FROM PUBLIC;
ALTER SCHEMA public OWNER TO users_owner;
GRANT USAGE ON SCHEMA public TO users_app, users_backup;

-- What is there already, from a time with one role, changes its owner.
DO $$
DECLARE
    thing record;
BEGIN
    FOR thing IN SELECT tablename AS name FROM pg_tables WHERE schemaname = 'public' LOOP
        EXECUTE format('ALTER TABLE public.%I OWNER TO users_owner', thing.name);
    END LOOP;
    FOR thing IN SELECT p.oid::regprocedure AS name FROM pg_proc p WHERE p.pronamespace = 'public'::regnamespace LOOP
        EXECUTE format('ALTER FUNCTION %s OWNER TO users_owner', thing.name);
    END LOOP;
END $$;
GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA public TO users_app;
GRANT USAGE ON ALL SEQUENCES IN SCHEMA public TO users_app;
ALTER DEFAULT PRIVILEGES FOR ROLE users_owner IN SCHEMA public
    GRANT SELECT, INSERT, UPDATE, DELETE ON TABLES TO users_app;
ALTER DEFAULT PRIVILEGES FOR ROLE users_owner IN SCHEMA public GRANT USAGE ON SEQUENCES TO users_app;
GRANT SELECT ON ALL TABLES IN SCHEMA public TO users_backup;
GRANT SELECT ON ALL SEQUENCES IN SCHEMA public TO users_backup;
ALTER DEFAULT PRIVILEGES FOR ROLE users_owner IN SCHEMA public GRANT SELECT ON TABLES TO users_backup;
ALTER DEFAULT PRIVILEGES FOR ROLE users_owner IN SCHEMA public GRANT SELECT ON SEQUENCES TO users_backup;
