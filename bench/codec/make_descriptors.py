#!/usr/bin/env python3
"""Writes the OTLP definitions of package opentelemetry-proto as a descriptor set: make_descriptors.py OUT.fds

`protoc --descriptor_set_in=OUT.fds --cpp_out=DIR NAMES` makes C++ of it: the peer of codec_bench.
"""
import sys

from google.protobuf import descriptor_pb2
from opentelemetry.proto.collector.metrics.v1 import metrics_service_pb2
from opentelemetry.proto.collector.trace.v1 import trace_service_pb2

files = descriptor_pb2.FileDescriptorSet()
seen = set()


def add(descriptor):
    if descriptor.name in seen:
        return
    seen.add(descriptor.name)
    for dependency in descriptor.dependencies:
        add(dependency)
    descriptor.CopyToProto(files.file.add())


add(trace_service_pb2.DESCRIPTOR)
add(metrics_service_pb2.DESCRIPTOR)
open(sys.argv[1], "wb").write(files.SerializeToString())
