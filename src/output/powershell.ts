import { hyperVGeneration, secureBootCommand } from './handover-texts.js';
import { safeName } from './ovf.js';
import type { Machine } from './types.js';

/**
 * A script for PowerShell that makes a machine from the disks that lie beside it.
 *
 * @param disks published names, the one that boots first.
 */
export function hyperVScript(machine: Machine, disks: readonly string[]): string {
  const lines = disks.map((disk) => `    '${disk.replaceAll("'", "''")}'`);
  const generation = hyperVGeneration(machine);
  const firmware =
    generation === 1
      ? ''
      : `${secureBootCommand(machine.secureBoot, '-VMName $Name')}
Set-VMFirmware -VMName $Name -FirstBootDevice (Get-VMHardDiskDrive -VMName $Name | Select-Object -First 1)
`;
  return `#Requires -RunAsAdministrator
#Requires -Modules Hyper-V
# Makes a generation ${String(generation)} machine from the disks beside this script, which stay as they are.
param(
    [string] $Name = '${safeName(machine.name)}',
    [string] $Directory = (Join-Path (Get-VMHost).VirtualHardDiskPath $Name),
    [string] $Switch = 'Default Switch',
    [int] $Cpus = ${String(machine.cpus)},
    [long] $Memory = ${String(machine.memoryMiB)}MB
)
$ErrorActionPreference = 'Stop'
$disks = @(
${lines.join('\n')}
)

New-Item -ItemType Directory -Force -Path $Directory | Out-Null
$paths = foreach ($disk in $disks) {
    $path = Join-Path $Directory $disk
    if (Test-Path $path) { throw "$path exists already" }
    Copy-Item (Join-Path $PSScriptRoot $disk) $path
    # Hyper-V refuses a disk that NTFS keeps as a sparse file.
    fsutil sparse setflag $path 0 | Out-Null
    $path
}
$boot, $others = @($paths)

New-VM -Name $Name -Generation ${String(generation)} -MemoryStartupBytes $Memory -VHDPath $boot -SwitchName $Switch | Out-Null
foreach ($path in $others) { Add-VMHardDiskDrive -VMName $Name -Path $path }
Set-VMProcessor -VMName $Name -Count $Cpus
# Checkpoints that Hyper-V takes by itself at each start would pile up on a server.
Set-VM -Name $Name -CheckpointType Production -AutomaticCheckpointsEnabled $false
${firmware}Get-VM -Name $Name
`;
}
