-- The proxy that a connection goes through, without credentials, and the place that its host stands for (--map-host).
ALTER TABLE connections ADD COLUMN via TEXT;
ALTER TABLE connections ADD COLUMN mapped TEXT;
