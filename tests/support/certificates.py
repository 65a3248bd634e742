"""Certificates for tests, each made for the run: an authority and what it vouches for."""

import datetime
import ipaddress
import os

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID


def _name(text):
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, text)])


def _pem(key):
    return key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8,
                             serialization.NoEncryption())


class Authority:
    def __init__(self, name="an authority"):
        self.key = ec.generate_private_key(ec.SECP256R1())
        self.name = _name(name)
        self.pem = self._sign(self.name, self.key, x509.BasicConstraints(True, None), [])

    def _sign(self, name, key, constraints, names, days=1):
        now = datetime.datetime.utcnow()
        builder = (x509.CertificateBuilder().subject_name(name).issuer_name(self.name)
                   .public_key(key.public_key()).serial_number(x509.random_serial_number())
                   .not_valid_before(now - datetime.timedelta(days=2))
                   .not_valid_after(now + datetime.timedelta(days=days))
                   .add_extension(constraints, critical=True))
        if names:
            builder = builder.add_extension(x509.SubjectAlternativeName(names), critical=False)
        certificate = builder.sign(self.key, hashes.SHA256())
        return certificate.public_bytes(serialization.Encoding.PEM)

    def certify(self, common_name, hosts=(), uris=(), days=1):
        """(certificate, key), both PEM."""
        key = ec.generate_private_key(ec.SECP256R1())
        names = [x509.DNSName(host) for host in hosts if not host[0].isdigit()]
        names += [x509.IPAddress(ipaddress.ip_address(host)) for host in hosts
                  if host[0].isdigit()]
        names += [x509.UniformResourceIdentifier(uri) for uri in uris]
        constraints = x509.BasicConstraints(False, None)
        return self._sign(_name(common_name), key, constraints, names, days), _pem(key)


def replace(path, content):
    """As mounted secrets change: whole, at one moment."""
    beside = f"{path}.new"
    with open(beside, "wb") as file:
        file.write(content)
    os.replace(beside, path)
    return path
