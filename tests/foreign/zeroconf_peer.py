"""python-zeroconf, to be met on a network of the tests: the same commands and lines as the program beside it.

    zeroconf_peer.py browse TYPE
    zeroconf_peer.py advertise TYPE NAME PORT TXT...
"""

import json
import sys

import ifaddr
from zeroconf import IPVersion, ServiceBrowser, ServiceInfo, ServiceListener, Zeroconf


def say(**line):
    print(json.dumps(line, ensure_ascii=False), flush=True)


class Listener(ServiceListener):
    def add_service(self, zeroconf, kind, full):
        info = zeroconf.get_service_info(kind, full)
        if info is not None:
            say(
                type="seen",
                name=full.removesuffix("." + kind),
                host=info.server.rstrip("."),
                port=info.port,
                addresses=sorted(address.split("%")[0] for address in info.parsed_scoped_addresses()),
                txt=[f"{key.decode()}={(value or b'').decode()}" for key, value in info.properties.items()],
            )

    def update_service(self, zeroconf, kind, full):
        self.add_service(zeroconf, kind, full)

    def remove_service(self, zeroconf, kind, full):
        say(type="gone", name=full.removesuffix("." + kind))


def own_addresses():
    for adapter in ifaddr.get_adapters():
        for address in adapter.ips if adapter.nice_name != "lo" else []:
            yield address.ip if address.is_IPv4 else address.ip[0]


def main():
    command, service, *rest = sys.argv[1:]
    kind = service + ".local."
    zeroconf = Zeroconf(ip_version=IPVersion.All)
    if command == "browse":
        ServiceBrowser(zeroconf, kind, Listener())
    else:
        name, port, *txt = rest
        info = ServiceInfo(
            kind,
            f"{name}.{kind}",
            port=int(port),
            properties=dict(one.split("=", 1) for one in txt),
            server="foreign-zeroconf.local.",
            parsed_addresses=list(own_addresses()),
        )
        zeroconf.register_service(info)
    say(type="ready")
    sys.stdin.read()
    # With a goodbye.
    zeroconf.close()


main()
