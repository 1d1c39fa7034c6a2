"""Any file of variability: our own OVMs, UVL, and the XML of FeatureIDE's; one feature model below all of them."""

from __future__ import annotations

from dataclasses import dataclass

from keytwin.design.features import FeatureModel
from keytwin.design.ovm_features import features_of
from keytwin.design.variability import Ovm
from keytwin.files.library import Source, ovm_source
from keytwin.files.ovm import ovm_from
from keytwin.files.ovm_xml import read_ovm_xml
from keytwin.files.uvl_reader import read_uvl
from keytwin.vocabulary.errors import Finding


@dataclass(frozen=True, slots=True)
class Variability:
    """What may vary, by a file."""

    kind: str
    """`OVM`, `UVL` or `OVM XML`."""
    model: FeatureModel
    ovm: Ovm | None = None
    """Only of a file of our own: the others say too little to make one."""
    warnings: tuple[Finding, ...] = ()


def read_variability(where: str) -> Variability:
    """Return what a file says, by name in the library or path; Mistake when there is none, FileMistake when wrong."""
    return variability_from(ovm_source(where))


def variability_from(source: Source) -> Variability:
    """Return what a file says; which kind it is, its beginning tells, then its name."""
    begun = source.octets.lstrip(b"\xef\xbb\xbf \t\r\n")
    if begun.startswith(b"<"):
        read = read_ovm_xml(source)
        return Variability("OVM XML", read.value, warnings=read.warnings)
    if source.file.lower().endswith(".uvl"):
        read = read_uvl(source)
        return Variability("UVL", read.value, warnings=read.warnings)
    ovm = ovm_from(source)
    return Variability("OVM", features_of(ovm), ovm)
