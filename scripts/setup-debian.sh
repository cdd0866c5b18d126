#!/usr/bin/env bash
# Installs what some tests and benchmarks compare with, what `bench --live` runs on, and what the optional npm packages are built with.
# All of it is optional: a test that needs a missing part skips and says so.
set -euo pipefail
packages=(tshark tcpdump chromium python3-sklearn python3-numpy python3-onnx)
# Hosts in network namespaces, and VPNs between them.
packages+=(iproute2 nftables procps wireguard-go wireguard-tools openvpn)
# The npm packages cap and raw-socket are compiled when they are installed, by node-gyp, which is written in Python.
packages+=(g++ make python3 libpcap-dev)
if [ "$(id -u)" -ne 0 ] || ! command -v apt-get >/dev/null; then
  echo "Run this on Debian or Ubuntu as root, or install with your own package manager: ${packages[*]}" >&2
  exit 1
fi
apt-get update -qq
DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "${packages[@]}"
