// SPDX-License-Identifier: GPL-2.0
//
// What firmware says of a root port to which people plug their own devices, by USB4 or
// Thunderbolt: the kernel does not trust what is below it. A switch below an external port
// alone would be taken for a part of the machine; the host interface says that it is not.
// QEMU calls what is in slot 4, function 0 of the root bus S20.
DefinitionBlock ("", "SSDT", 2, "P2PDMA", "EXTERNAL", 1)
{
    External (\_SB.PCI0.S20, DeviceObj)

    Scope (\_SB.PCI0.S20)
    {
        Name (_DSD, Package ()
        {
            ToUUID ("efcc06cc-73ac-4bc3-bff0-76143807c389"),
            Package ()
            {
                Package () { "ExternalFacingPort", 1 },
                Package () { "UID", "0" },
            },
            ToUUID ("daffd814-6eba-4d8c-8a91-bc9bbf4aa301"),
            Package ()
            {
                Package () { "usb4-host-interface", \_SB.PCI0.S20 },
            },
        })
    }
}
