// The two ways to connect a service, with this server's own address in the commands.
import { Command } from './ui';

export function Connect() {
  const host = location.hostname.includes(':') ? `[${location.hostname}]` : location.hostname;
  return (
    <div class="connect">
      <div class="way">
        <h3>A native program, without a rebuild</h3>
        <p>Records allocations by call stack; C, C++ and Rust.</p>
        <Command what="command" text={`tidemark run --server http://${host}:4318 -- ./service`} />
      </div>
      <div class="way">
        <h3>Any service with an OpenTelemetry SDK</h3>
        <p>Send traces, metrics and profiles over OTLP. Ports: 4317 for gRPC, 4318 for HTTP.</p>
        <Command what="setting" text={`OTEL_EXPORTER_OTLP_ENDPOINT=http://${host}:4318`} />
      </div>
    </div>
  );
}
