-- How a gRPC call ended: its status (0 is OK) and the server's words about it.
ALTER TABLE flows ADD COLUMN grpc_status INTEGER;
ALTER TABLE flows ADD COLUMN grpc_message TEXT NOT NULL DEFAULT '';
ALTER TABLE trash ADD COLUMN grpc_status INTEGER;
ALTER TABLE trash ADD COLUMN grpc_message TEXT NOT NULL DEFAULT '';
