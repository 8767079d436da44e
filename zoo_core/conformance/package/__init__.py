"""The kit's second half: what a plugin's distribution promises, whatever its models do.

installed(name)       an installed distribution as a Package, the subject of the checks
unpacked(folder)      an unpacked wheel as one
package_checks()      every check of a package
"""

from zoo_core.conformance.package.catalogue import package_checks
from zoo_core.conformance.package.package import Package, installed, unpacked

__all__ = ["Package", "installed", "package_checks", "unpacked"]
