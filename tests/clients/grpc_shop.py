"""A gRPC service (shop.proto) and its client.

`descriptors FILE`: compiles shop.proto into a set of descriptors, as protoc does.
`serve`: serves without TLS; prints its port.
`call PROXY PORT METHOD...`: calls methods through the proxy, one after the other; prints what each got as a line of JSON.
"""

import json
import sys
import tempfile
import threading
from concurrent import futures
from pathlib import Path

import grpc
import grpc_tools
from google.protobuf import descriptor_pb2, descriptor_pool, json_format, message_factory
from grpc_tools import protoc

HERE = Path(__file__).parent
# what a message of an error may hold: percent signs, and letters beyond ASCII
SOLD_OUT = "sold out: 100 % of the Earl Gréy"
PATIENCE = 60


def descriptors(file):
    code = protoc.main(
        [
            "protoc",
            f"--proto_path={HERE}",
            f"--proto_path={Path(grpc_tools.__file__).parent / '_proto'}",
            "--include_imports",
            f"--descriptor_set_out={file}",
            "shop.proto",
        ]
    )
    if code != 0:
        sys.exit(code)


def messages():
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "shop.pb"
        descriptors(file)
        found = descriptor_pb2.FileDescriptorSet.FromString(file.read_bytes())
    pool = descriptor_pool.DescriptorPool()
    for one in found.file:
        pool.Add(one)
    names = ("Order", "Receipt", "Event")
    return {name: message_factory.GetMessageClass(pool.FindMessageTypeByName(f"shop.v1.{name}")) for name in names}


def serve(types):
    go = threading.Event()

    def buy(order, context):
        receipt = types["Receipt"](total_cents=499 * order.count, currency=1)
        receipt.sold_at.seconds = 1_700_000_000
        return receipt

    def watch(order, context):
        yield types["Event"](what="packed", order=order)
        go.wait(PATIENCE)
        yield types["Event"](what="sent")
        yield types["Event"](what="delivered")

    def refuse(order, context):
        context.set_trailing_metadata((("shop-hint", "try-tomorrow"),))
        context.abort(grpc.StatusCode.UNAVAILABLE, SOLD_OUT)

    def let_go(order, context):
        go.set()
        return types["Receipt"]()

    def handler(kind, function):
        return kind(function, types["Order"].FromString, lambda message: message.SerializeToString())

    server = grpc.server(futures.ThreadPoolExecutor(8), compression=grpc.Compression.Gzip)
    methods = {
        "Buy": handler(grpc.unary_unary_rpc_method_handler, buy),
        "Watch": handler(grpc.unary_stream_rpc_method_handler, watch),
        "Refuse": handler(grpc.unary_unary_rpc_method_handler, refuse),
        "Go": handler(grpc.unary_unary_rpc_method_handler, let_go),
    }
    server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler("shop.v1.Shop", methods),))
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    print(port, flush=True)
    server.wait_for_termination()


def call(types, proxy, port, names):
    options = [("grpc.http_proxy", proxy)]
    # what is short is not compressed: that would make it longer
    order = types["Order"](item_name="tea", count=2, prices=[2.5, 2.49], note="please, " * 100)
    with grpc.insecure_channel(f"localhost:{port}", options, compression=grpc.Compression.Gzip) as channel:
        for name in names:
            make = channel.unary_stream if name == "Watch" else channel.unary_unary
            answer = types["Event" if name == "Watch" else "Receipt"]
            method = make(f"/shop.v1.Shop/{name}", lambda message: message.SerializeToString(), answer.FromString)
            try:
                got = method(order, timeout=PATIENCE)
                got = [json_format.MessageToDict(one) for one in (got if name == "Watch" else [got])]
                print(json.dumps({"method": name, "got": got}), flush=True)
            except grpc.RpcError as error:
                hint = dict(error.trailing_metadata()).get("shop-hint")
                said = {"method": name, "code": error.code().name, "details": error.details(), "hint": hint}
                print(json.dumps(said), flush=True)


match sys.argv[1:]:
    case ["descriptors", file]:
        descriptors(file)
    case ["serve"]:
        serve(messages())
    case ["call", proxy, port, *names]:
        call(messages(), proxy, port, names)
    case _:
        sys.exit(__doc__)
